"""Natural batching: pure, so any order of events can be tried."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from daemon.pipeline.batcher import Batcher, work


class Item(NamedTuple):
    number: int
    text: str


def filled(count: int, text: str = "x" * 40, **bounds: float) -> Batcher[Item]:
    batcher = made(**bounds)
    for number in range(count):
        batcher.add(Item(number, text))
    return batcher


def made(*, texts: float = 256, size: float = 1_000_000, seconds: float = 3600) -> Batcher[Item]:
    return Batcher(texts=int(texts), size=int(size), seconds=seconds)


def drained(batcher: Batcher[Item], places: int = 1) -> list[list[Item]]:
    batches = []
    while batch := batcher.take(places):
        batches.append(batch)
    return batches


def test_with_nothing_waiting_or_no_place_nothing_leaves() -> None:
    assert made().take(4) == []
    assert filled(3).take(0) == []
    assert filled(3).take(-1) == []


def test_a_single_text_leaves_alone_and_at_once() -> None:
    assert len(filled(1).take(1)) == 1


def test_with_one_place_all_that_waits_leaves_together() -> None:
    assert len(filled(200).take(1)) == 200


def test_what_waits_is_shared_out_among_the_places() -> None:
    batcher = filled(100)
    assert [len(batcher.take(places)) for places in (4, 3, 2, 1)] == [25] * 4


def test_few_texts_are_not_spread_thin() -> None:
    assert len(filled(8).take(8)) == 8


def test_a_batch_holds_no_more_texts_than_its_bound() -> None:
    assert [len(batch) for batch in drained(filled(25, texts=10))] == [10, 10, 5]


def test_a_batch_holds_no_more_bytes_than_its_bound() -> None:
    assert [len(batch) for batch in drained(filled(10, "x" * 100, size=350))] == [3, 3, 3, 1]


def test_a_text_beyond_every_bound_leaves_alone() -> None:
    batcher = made(size=10, seconds=0.001)
    batcher.add(Item(0, "x" * 100_000))
    batcher.add(Item(1, "x"))
    assert [[item.number for item in batch] for batch in drained(batcher)] == [[0], [1]]


def test_a_fast_worker_gets_bigger_batches_and_a_slow_one_smaller() -> None:
    text = "x" * 400

    def size_after(seconds: float) -> int:
        batcher = filled(250, text, seconds=1.0)
        for _ in range(50):
            batcher.learn([text] * 10, seconds)
        return len(batcher.take(1))

    fast, slow = size_after(0.1), size_after(10)
    # a second's work at the pace shown, and the last text may end it
    assert 90 <= fast <= 100
    assert 1 <= slow <= 2


def test_a_pace_that_is_none_teaches_nothing() -> None:
    one, two = filled(250, seconds=1), filled(250, seconds=1)
    for seconds in (0.0, -1.0):
        two.learn(["x"] * 10, seconds)
    assert len(one.take(1)) == len(two.take(1))


def test_after_a_clear_nothing_waits() -> None:
    batcher = filled(5)
    batcher.clear()
    assert len(batcher) == 0
    assert batcher.take(1) == []


@given(
    texts=st.lists(st.text(max_size=50), max_size=60),
    places=st.lists(st.integers(1, 8), max_size=20),
    most=st.integers(1, 40),
    size=st.integers(1, 500),
    seconds=st.floats(0.001, 10),
)
def test_every_text_leaves_once_in_its_order_and_within_the_bounds(
    texts: list[str], places: list[int], most: int, size: int, seconds: float
) -> None:
    batcher = made(texts=most, size=size, seconds=seconds)
    for number, text in enumerate(texts):
        batcher.add(Item(number, text))
    left: list[Item] = []
    for count in places:
        batch = batcher.take(count)
        assert bool(batch) == (len(left) < len(texts))
        assert len(batch) <= most
        assert len(batch) == 1 or sum(len(each.text) for each in batch) <= size
        left += batch
        assert len(batcher) == len(texts) - len(left)
    left += [item for batch in drained(batcher) for item in batch]
    assert left == [Item(number, text) for number, text in enumerate(texts)]


@given(st.text(max_size=200), st.text(min_size=1, max_size=200))
def test_a_longer_text_is_more_work(text: str, more: str) -> None:
    assert 0 < work(text) < work(text + more)
