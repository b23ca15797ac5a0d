"""What a daemon holds is bounded, and no connector uses the share of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.pipeline.limits import HELD_ITEMS
from tests.daemon.bench import Bench, message

if TYPE_CHECKING:
    import pytest

LIST = 200


def test_one_turn_maps_no_more_than_may_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.pipeline.pipeline.MAP_SECONDS", 60.0)
    bench = Bench()
    for n in range(2 * HELD_ITEMS // LIST):
        bench.edges.source.deliver(message([""] * LIST, id=n))
    bench.turn()
    inbox = bench.pipeline._inbox
    assert inbox._total <= HELD_ITEMS + LIST
    assert inbox
    assert not inbox.mappable
