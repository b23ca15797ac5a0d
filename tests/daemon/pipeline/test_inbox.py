"""What a daemon holds is bounded, and no connector uses the share of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.pipeline import publisher
from daemon.pipeline.limits import HELD_ITEMS
from tests.daemon.bench import Bench, message

if TYPE_CHECKING:
    import pytest

LIST = 200
ROOM = 2000
"""Characters, or bytes."""


def test_one_turn_maps_no_more_than_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.pipeline.pipeline.MAP_SECONDS", 60.0)
    bench = Bench()
    for n in range(2 * HELD_ITEMS // LIST):
        bench.edges.source.deliver(message([""] * LIST, id=n))
    bench.turn()
    inbox = bench.pipeline._inbox
    assert inbox._items.total() <= HELD_ITEMS + LIST
    assert inbox
    assert not inbox.mappable


def test_one_turn_maps_no_more_characters_than_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.pipeline.inbox.HELD_CHARS", ROOM)
    bench = Bench()
    texts = [f"{n:3} {'good ' * 15}" for n in range(2 * ROOM // 79)]
    for n, text in enumerate(texts):
        bench.edges.source.deliver(message(text, id=n))
    bench.score_all()
    assert bench.pipeline._inbox
    assert len(bench.edges.sink.waiting) <= ROOM // 79 + 1
    while bench.edges.sink.waiting:
        bench.confirm_all()
        bench.score_all()
    assert len(bench.edges.source.acked) == len(texts)


def test_no_more_bytes_are_unconfirmed_than_the_window_has(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    monkeypatch.setattr(publisher, "WINDOW_BYTES", ROOM)
    for n in range(20):
        bench.edges.source.deliver(message(f"good {n}", id=n))
    bench.score_all()
    sizes = [len(each.body) for each, _ in bench.edges.sink.waiting]
    assert sum(sizes[:-1]) < ROOM <= sum(sizes)
    while bench.edges.sink.waiting:
        bench.confirm_all()
        bench.turn()
    assert len(bench.edges.source.acked) == 20


def test_no_more_messages_are_unconfirmed_than_the_window_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    monkeypatch.setattr(publisher, "WINDOW_MESSAGES", 7)
    for n in range(20):
        bench.edges.source.deliver(message(f"good {n}", id=n))
    bench.score_all()
    assert len(bench.edges.sink.waiting) == 7
    while bench.edges.sink.waiting:
        bench.confirm_all()
        bench.turn()
    assert len(bench.edges.source.acked) == 20
