"""Quarantine: the guilty delivery is parked long before an innocent one would be."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.amqp.connection import Garbled
from connectors.amqp.consumer import Ended
from connectors.errors import Unavailable
from daemon.pipeline import pauses
from tests.daemon.bench import HOLD, Bench, message

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


# A queue that ends each connection on which it is consumed ---------------------------------------


def connect(bench: Bench) -> bool:
    """Connect as a service does; return whether the connection lived."""
    try:
        bench.reconnect()
        for _ in range(20):
            bench.clock.now += 0.3
            bench.turn()
    except Unavailable as lost:
        bench.intake.quarantine(garbled=isinstance(lost, Garbled))
        return False
    return True


def test_a_queue_that_ends_connections_when_it_is_consumed_stops_no_other_connector() -> None:
    bench = Bench(("a", "b", "c"))
    bench.edges.broken["b"] = Unavailable("before there is a consumer")
    # one that begins the quarantine, and three in it
    lived = [connect(bench) for _ in range(5)]
    assert lived == [False, False, False, False, True]
    assert not bench.intake.quarantined
    assert bench.edges.source.consuming == {"a": 0, "c": 0}
    assert bench.intake.pauses["b"].reason == pauses.REFUSED_CONSUMER
    # it is tried again, and costs two connections as long as it is not repaired
    bench.clock.now += 60
    with pytest.raises(Unavailable):
        bench.turn()
    bench.intake.quarantine()
    assert [connect(bench), connect(bench)] == [False, True]
    del bench.edges.broken["b"]
    bench.clock.now += 60
    bench.turn()
    assert bench.edges.source.consuming == {"a": 0, "b": 0, "c": 0}
    # that it was given up once does not count any more
    bench.edges.broken["b"] = Unavailable("before there is a consumer")
    assert [connect(bench), connect(bench)] == [False, False]
    assert not bench.intake.pauses


def test_a_stream_that_ends_connections_as_it_starts_is_passed_over_and_not_paused() -> None:
    bench = Bench(("a", "stream"))
    bench.edges.broken["stream"] = Garbled("INTERNAL_ERROR")
    starts: list[tuple[str, bool, bool]] = []
    for _ in range(20):
        connect(bench)
        starts += bench.edges.source.starts
        assert not bench.intake.pauses
    assert ("stream", True, True) in starts


def test_a_connector_whose_worker_comes_back_has_its_turns_in_a_quarantine_that_lasts() -> None:
    bench = Bench(("a", "b"))
    bench.edges.scoring.live = 0
    bench.edges.source.deliver(message("good", id=1), connector="a")
    for _ in range(3):
        bench.clock.now += HOLD / 2 + 1
        bench.turn()
    assert bench.intake.pauses["a"].reason == pauses.NO_WORKER
    for _ in range(5):
        # something of b ends each connection
        bench.intake.quarantine()
        bench.reconnect()
        bench.clock.now += 1.1
        bench.turn()
        if "a" in bench.edges.source.consuming:
            return
        until_turn(bench, "b")
    raise AssertionError("it waits for the end of the quarantine")
