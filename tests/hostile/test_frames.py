"""Properties that crash the parsers of client libraries, ours included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.amqp.topology import PARKED, source_queue
from tests.hostile.bus import raw
from tests.hostile.cases import say
from tests.hostile.conftest import housed, own_room
from tests.hostile.frames import ODD, UNREADABLE, publish, short

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.bus import Bus
    from tests.hostile.conftest import House, Node


BACKLOG = 200


@pytest.fixture(scope="module")
def guarded(node: Node, config: Path) -> Iterator[House]:
    """Processes in a virtual host of their own, and a client that leaves parked messages alone."""
    with housed(own_room(node, config), parked=False) as house:
        yield house


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_no_parser_reads_is_dead_lettered_and_others_flow(guarded: House, name: str) -> None:
    key = f"unreadable {name}"
    properties = UNREADABLE[name] | {"correlation_id": short(key.encode()), "delivery_mode": b"\2"}
    bus = guarded.bus
    dead = bus.depth(PARKED)
    with bus.good_neighbours(), raw(bus.url) as channel:
        publish(channel, say(), properties)
        bus.await_depth(PARKED, dead + 1)
    assert guarded.daemon.popen.poll() is None
    bus.await_depth(source_queue("input"), 0)


def test_what_no_parser_reads_costs_a_long_backlog_no_delivery(guarded: House) -> None:
    bus, daemon = guarded.bus, guarded.daemon
    dead, lost = bus.depth(PARKED), len(daemon.events("disconnected"))
    unreadable = UNREADABLE["a header's timestamp in milliseconds"]
    with raw(bus.url) as channel:
        backlog = [bus.say(f"good {n}", id=f"backlog-{n}") for n in range(BACKLOG)]
        publish(channel, say(), unreadable | {"delivery_mode": b"\2"})
        backlog += [bus.say(f"great {n}", id=f"behind-{n}") for n in range(BACKLOG)]
        for key in backlog:
            bus.event(key)
        bus.await_depth(PARKED, dead + 1)
    assert len(daemon.events("disconnected")) == lost
    assert not daemon.events("quarantine_started")


def test_a_routing_key_that_is_not_utf_8_is_no_matter(bus: Bus) -> None:
    key = "stra\xdfe.ö".encode("latin-1")
    with bus.good_neighbours(), raw(bus.url) as channel:
        publish(channel, say(), {"correlation_id": short(b"latin key")}, routing_key=key)
        assert bus.event("latin key")["data"]["origin"]["routing_key"] == "stra?e.?"


@pytest.mark.parametrize("name", ODD)
def test_odd_properties_are_no_matter(bus: Bus, name: str) -> None:
    key = f"odd {name}"
    properties = ODD[name] | {"correlation_id": short(key.encode()), "delivery_mode": b"\2"}
    with bus.good_neighbours(), raw(bus.url) as channel:
        publish(channel, say(), properties)
        assert bus.outcome(key)


def test_half_a_surrogate_pair_in_correlation_id_or_routing_key_is_no_matter(bus: Bus) -> None:
    half = b"\xed\xa0\x80"
    with bus.good_neighbours(), raw(bus.url) as channel:
        publish(channel, say(), {"correlation_id": short(half)})
        publish(channel, say(), {"correlation_id": short(b"odd key")}, routing_key=b"key." + half)
        assert bus.event("odd key")["data"]["origin"]["routing_key"] == "key.\ufffd"
        assert bus.event("\ufffd")


@pytest.mark.parametrize("name", ODD)
def test_a_bad_body_with_odd_properties_is_parked(guarded: House, name: str) -> None:
    bus = guarded.bus
    parked, lost = bus.depth(PARKED), len(guarded.daemon.events("disconnected"))
    with bus.good_neighbours(), raw(bus.url) as channel:
        publish(channel, b"{", ODD[name] | {"delivery_mode": b"\2"})
        bus.await_depth(PARKED, parked + 1)
    assert len(guarded.daemon.events("disconnected")) == lost
