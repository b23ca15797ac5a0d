from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.model.batching import pack

lengths = st.lists(st.integers(1, 512), max_size=300)


@given(lengths, st.integers(1, 5000))
def test_every_text_is_in_exactly_one_group(lengths: list[int], budget: int) -> None:
    assert sorted(index for group in pack(lengths, budget) for index in group) == list(
        range(len(lengths))
    )


@given(lengths, st.integers(1, 5000))
def test_no_group_exceeds_the_budget_unless_one_text_does(lengths: list[int], budget: int) -> None:
    for group in pack(lengths, budget):
        longest = max(lengths[index] for index in group)
        assert len(group) == 1 or longest * len(group) <= budget


def test_neighbours_in_length_share_a_group() -> None:
    assert pack([3, 30, 4, 29], 60) == [[1, 3], [2, 0]]


@given(lengths, st.integers(1, 5000))
def test_padding_stays_below_a_sixteenth_of_the_budget(lengths: list[int], budget: int) -> None:
    for group in pack(lengths, budget):
        longest = max(lengths[index] for index in group)
        assert sum(longest - lengths[index] for index in group) <= budget / 16


def test_nothing_packs_into_nothing() -> None:
    assert pack([], 100) == []
