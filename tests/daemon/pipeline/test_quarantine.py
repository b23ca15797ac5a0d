"""Quarantine: the guilty delivery is parked long before an innocent one would be."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.amqp.consumer import Ended
from tests.daemon.bench import Bench, message

MANY = tuple(f"connector-{n}" for n in range(12))
GUILTY = MANY[7]
LIMIT = 50
FOR_EVER = 10_000


def test_an_innocent_message_that_cannot_go_on_is_delivered_half_as_often_as_the_guilty_one() -> (
    None
):
    counts, longest = quarantined(MANY)
    assert counts[GUILTY] == LIMIT
    assert max(counts[name] for name in MANY if name != GUILTY) <= LIMIT / 2 + 1
    assert longest == 1
    counts, _ = quarantined(("a", GUILTY))
    assert counts["a"] <= LIMIT / 2 + 1


def test_no_consumer_holds_more_than_one_delivery_until_quarantine_ends() -> None:
    bench = Bench(("a", "b"))
    bench.intake.quarantine()
    bench.reconnect()
    source = bench.edges.source
    while bench.intake.quarantined:
        assert set(source.consuming.values()) <= {1}
        assert len(source.consuming) <= 1
        # RabbitMQ ends one in the middle of its turn: it is not started as it was before
        source.ending += [Ended(name, "moved", "", 0.0, 0) for name in source.consuming]
        bench.clock.now += 0.3
        bench.turn()
    assert source.consuming == {"a": 0, "b": 0}


def quarantined(connectors: tuple[str, ...]) -> tuple[Counter[str], int]:
    """Let a frame end each connection on which it is delivered, until RabbitMQ puts it away.

    There is no worker, so that no other delivery can be settled.

    Returns:
        How often the message of each connector was delivered, and how many were out at most.
    """
    bench = Bench(connectors)
    bench.edges.scoring.live = 0
    bench.intake.quarantine()
    bench.reconnect()
    counts: Counter[str] = Counter()
    longest = 0
    out: set[str] = set()
    for _ in range(FOR_EVER):
        source = bench.edges.source
        out &= set(source.consuming)
        longest = max(longest, len(source.consuming))
        lost = False
        for name in set(source.consuming) - out:
            counts[name] += 1
            out.add(name)
            lost |= name == GUILTY
            if name != GUILTY:
                source.deliver(message("good", id=name), connector=name)
        if counts[GUILTY] == LIMIT:
            break
        if lost:
            bench.intake.quarantine()
            bench.reconnect()
            bench.edges.scoring.live = 0
            out.clear()
        bench.clock.now += 0.1
        bench.turn()
    return counts, longest


def turns_of(bench: Bench, name: str, *, garbled: bool, delivers: bool) -> list[tuple[bool, bool]]:
    """Lose twenty connections in a connector's turn; return how it was started: alone, to skip."""
    bench.intake.quarantine()
    found: list[tuple[bool, bool]] = []
    while len(found) < 20:
        bench.reconnect()
        source = bench.edges.source
        until_turn(bench, name)
        found.append(source.starts[-1][1:])
        if delivers:
            source.deliver(message("good", id=len(found)), connector=name)
        bench.intake.quarantine(garbled=garbled)
    return found


def until_turn(bench: Bench, name: str) -> None:
    while name not in bench.edges.source.consuming:
        bench.clock.now += 0.3
        bench.turn()


def test_what_ends_connections_without_a_delivery_is_read_alone_and_then_passed_over() -> None:
    found = turns_of(Bench(("a", "stream")), "stream", garbled=True, delivers=False)
    assert found[:3] == [(False, False)] * 3
    assert found[3:6] == [(True, False)] * 3
    assert found[6] == (True, True)
    # the message behind it has to end as many connections
    assert found[7:10] == [(True, False)] * 2 + [(True, True)]


@pytest.mark.parametrize(("garbled", "delivers"), [(True, True), (False, False)])
def test_nothing_is_passed_over_for_a_delivery_or_a_connection_that_was_lost(
    *, garbled: bool, delivers: bool
) -> None:
    found = turns_of(Bench(("a", "stream")), "stream", garbled=garbled, delivers=delivers)
    assert found == [(False, False)] * 20
