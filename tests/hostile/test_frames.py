"""Properties that crash the parsers of client libraries, ours included."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.topology import PARKED, source_queue
from tests.hostile.bus import raw
from tests.hostile.cases import say
from tests.hostile.conftest import housed, own_room
from tests.hostile.frames import nested, publish, short, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.bus import Bus
    from tests.hostile.conftest import House, Node

_MILLISECONDS = struct.pack(">Q", 1_700_000_000_000)


def _headers(value: bytes) -> dict[str, bytes]:
    return {"headers": table({b"a": value})}


UNREADABLE = {
    "a header's timestamp in milliseconds": _headers(b"T" + _MILLISECONDS),
    "a header's timestamp beyond every calendar": _headers(b"T" + b"\xff" * 8),
    "a table nested 1,000 deep": _headers(nested(1000)),
    "an array nested 1,000 deep": _headers(nested(1000, array=True)),
    "a content type that is not UTF-8": {"content_type": short(b"\xff\xfe/json")},
    "a message id that is not UTF-8": {"message_id": short(b"\xff")},
}
ODD = {
    "a table nested 100 deep": _headers(nested(100)),
    "a table nested 500 deep": _headers(nested(500)),
    "a table nested 800 deep": _headers(nested(800)),
    "a table nested 900 deep": _headers(nested(900)),
    "an array nested 900 deep": _headers(nested(900, array=True)),
    "a header's name that is not UTF-8": {"headers": table({b"\xff\xfe": b"t\x01"})},
    "a header's value that is not UTF-8": _headers(b"S" + struct.pack(">I", 2) + b"\xff\xfe"),
    "a decimal of 255 places": _headers(b"D\xff" + struct.pack(">i", 7)),
    "a void": _headers(b"V"),
    "bytes": _headers(b"x" + struct.pack(">I", 2) + b"\x00\xff"),
    "the largest integer": _headers(b"l" + b"\x7f" + b"\xff" * 7),
    "a priority beyond any": {"priority": b"\xff"},
    "an empty header name": {"headers": table({b"": b"t\x01"})},
    "a message id with half a surrogate pair": {"message_id": short(b"id \xed\xa0\x80")},
    "a reply address with half a surrogate pair": {"reply_to": short(b"q \xed\xa0\x80")},
    "a header with half a surrogate pair": _headers(b"S" + struct.pack(">I", 3) + b"\xed\xa0\x80"),
    "a trace context with half a surrogate pair": {
        "headers": table({b"traceparent": b"S" + struct.pack(">I", 3) + b"\xed\xa0\x80"})
    },
    "a message's timestamp in milliseconds": {"timestamp": _MILLISECONDS},
}


@pytest.fixture(scope="module")
def guarded(node: Node, config: Path) -> Iterator[House]:
    """Processes in a virtual host of their own, and a client that leaves parked messages alone."""
    with own_room(node, config) as room, housed(room, parked=False) as house:
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
    assert bus.depth(source_queue("input")) == 0


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
    parked, lost = bus.depth(PARKED), len(guarded.daemon.events("bus_lost"))
    with bus.good_neighbours(), raw(bus.url) as channel:
        publish(channel, b"{", ODD[name] | {"delivery_mode": b"\2"})
        bus.await_depth(PARKED, parked + 1)
    assert len(guarded.daemon.events("bus_lost")) == lost
