"""Ids, repeats, loops and caches: what a message means beside other messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.topology import PARKED, UNROUTED, source_queue
from tests.hostile.bus import CANARY, Bus
from tests.hostile.conftest import housed
from tests.processes import running
from tests.servers import redis_client
from tests.waiting import until

if TYPE_CHECKING:
    from tests.hostile.conftest import House, Node


def test_the_same_id_and_text_is_one_event(bus: Bus) -> None:
    with bus.good_neighbours():
        body = json.dumps({"id": "25", "text": CANARY}).encode()
        first = bus.event(bus.send(body))
        again = bus.send(body)
        bus.await_depth(source_queue("input"), 0)
    assert first["subject"] == "25"
    assert bus.none_of(again)


def test_the_same_id_and_another_text_are_two_events(bus: Bus) -> None:
    with bus.good_neighbours():
        first = bus.event(bus.say(CANARY, id="26"))
        second = bus.event(bus.say(f"{CANARY} again", id="26"))
    assert first["id"] != second["id"]


def test_no_id_and_the_same_text_twice_are_two_events(bus: Bus) -> None:
    with bus.good_neighbours():
        first, second = bus.event(bus.say(CANARY)), bus.event(bus.say(CANARY))
    assert first["id"] != second["id"]
    assert first["data"]["scores"] == second["data"]["scores"]


def test_our_own_event_fed_back_is_dropped(bus: Bus) -> None:
    with bus.good_neighbours():
        event = bus.event(bus.say(CANARY))
        fed = bus.send(
            json.dumps(event).encode(), content_type="application/cloudevents+json; charset=utf-8"
        )
        bus.await_depth(source_queue("input"), 0)
    assert bus.none_of(fed)


@pytest.mark.parametrize("routing_key", ["a\r\nb", "\x1b[31mred", "x" * 255, "", "\u202e"])
def test_a_routing_key_cannot_forge_a_log_line(house: House, bus: Bus, routing_key: str) -> None:
    with bus.good_neighbours():
        bus.event(bus.send(b'{"text": "good"}', routing_key=routing_key))
        bus.parked(bus.send(b"{", routing_key=routing_key, message_id=f"id {routing_key}"[:200]))
    log = house.daemon.log.read_text(encoding="utf-8")
    assert "\x1b" not in log
    assert "\u202e" not in log
    assert all(line.startswith("{") for line in log.splitlines())


def test_a_long_id_is_cut_in_the_event(bus: Bus) -> None:
    with bus.good_neighbours():
        event = bus.event(bus.say(CANARY, id="i" * 100_000))
    assert len(event["subject"]) < 300


@pytest.mark.parametrize("spoil", ["truncated", "garbage", "of another text"])
def test_a_spoilt_cache_entry_is_a_miss(house: House, bus: Bus, spoil: str) -> None:
    text = f"{CANARY} {spoil}"
    scores = bus.event(bus.say(text))["data"]["scores"]
    other = bus.event(bus.say(f"something else altogether {spoil}"))
    assert other["data"]["scores"] != scores
    with bus.good_neighbours():
        bus.event(bus.say(f"what flushes the writes {spoil}"))
    with redis_client(house.env["TONEBUS_REDIS_URL"]) as client:
        client.connection_pool.connection_kwargs["decode_responses"] = False
        keys = list(client.scan_iter("tonebus:*:s:*"))
        values = {key: bytes(client.get(key) or b"") for key in keys}
        shifted = [*list(values.values())[1:], next(iter(values.values()))]
        for (key, value), another in zip(values.items(), shifted, strict=True):
            bad = {"truncated": value[:-3], "garbage": b"\xff" * 40}.get(spoil, another)
            client.set(key, bad)
    data = bus.event(bus.say(text))["data"]
    assert not data["cached"]
    assert data["scores"] == scores


def test_results_that_nobody_is_bound_for_are_kept(room: dict[str, str]) -> None:
    with housed(room) as house:
        bus = house.bus
        bus.unbind()
        bus.say(CANARY)
        bus.await_depth(UNROUTED, 1)


def test_a_missing_parking_queue_is_made_again_before_the_ack(room: dict[str, str]) -> None:
    with housed(room, parked=False) as house:
        bus = house.bus
        bus.delete(PARKED)
        with bus.good_neighbours():
            bus.send(b"{")
            house.daemon.wait_for("publish_refused")
            until(lambda: bus.is_there(PARKED))
            bus.await_depth(PARKED, 1)


def test_a_full_parking_queue_holds_and_says_so(node: Node, room: dict[str, str]) -> None:
    vhost = room["TONEBUS_BROKER_URL"].rpartition("/")[2]
    with housed(room, parked=False) as house:
        bus = house.bus
        node.broker.ctl(
            "set_policy", "--vhost", vhost, "--apply-to", "queues", "full", "^sentiment.parked$",
            '{"max-length": 1}',
        )  # fmt: skip
        sent: list[str] = []

        def send() -> None:
            sent.append(bus.send(b"{"))
            bus.open_after(sent, 0.1)

        # a queue hears of its policy some time after `set_policy` has ended
        until(lambda: house.daemon.events("publish_refused"), send)
        with bus.good_neighbours():
            pass
        held = bus.depth(PARKED)
        assert held < len(sent)
        node.broker.ctl("clear_policy", "--vhost", vhost, "full")
        bus.await_depth(PARKED, len(sent))
        assert house.daemon.stop() == 0
        assert bus.depth(source_queue("input")) == 0


def test_nothing_is_charged_while_no_worker_lives(room: dict[str, str]) -> None:
    with running("daemon", env=room):
        bus = Bus(room["TONEBUS_BROKER_URL"])
        keys = [bus.say(f"{CANARY} {n}") for n in range(10)]
        bus.await_depth(source_queue("input"), 0)
        with running("worker", env=room):
            for key in keys:
                bus.event(key)
        bus.close()
