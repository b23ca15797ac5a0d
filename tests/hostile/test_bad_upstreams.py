"""One upstream sends nothing but rubbish, or asks for too much: no other one notices."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pika
import pytest

from connectors.amqp.topology import PARKED, source_queue
from tests import models
from tests.chaos import wicked_worker
from tests.chaos.supervisor import Supervised
from tests.hostile.bus import CANARY, Bus
from tests.hostile.conftest import own_room
from tests.processes import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.conftest import Node
    from tests.processes import Process

BAD, GOOD, POISON = 3000, 10, 60
MANY = 100
FULL = "answers.full"
_CONNECTORS = f"""
[[connectors]]
name = "a"
exchange = "a.events"
model = "{models.NAME}"

[[connectors]]
name = "answered"
exchange = "answered.events"
model = "{models.NAME}"
output = {{reply = true, reply_queues = ["answers.*"]}}

[[connectors]]
name = "lists"
exchange = "lists.events"
model = "{models.NAME}"
text = "items"
"""


class Scene:
    """One daemon with four connectors, a worker that some texts ruin, and a client."""

    def __init__(self, daemon: Process, bus: Bus, channel: Any) -> None:
        self.daemon = daemon
        self.bus = bus
        self.channel = channel


@pytest.fixture(scope="module")
def scene(node: Node, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    place = tmp_path_factory.mktemp("upstreams")
    path = place / "tonebus.toml"
    path.write_text(config.read_text(encoding="utf-8") + _CONNECTORS, encoding="utf-8")
    room = own_room(node, path)
    with ExitStack() as stack:
        worker = Supervised("worker", ["tests.chaos.wicked_worker"], room, place)
        stack.callback(worker.close)
        daemon = stack.enter_context(running("daemon", env=room))
        worker.wait_for("worker_ready")
        url = room["TONEBUS_BROKER_URL"]
        channel = stack.enter_context(pika.BlockingConnection(pika.URLParameters(url))).channel()
        bus = Bus(url)
        stack.callback(bus.close)
        yield Scene(daemon, bus, channel)


def test_a_full_reply_queue_costs_nothing_but_the_answer(scene: Scene) -> None:
    bus = scene.bus
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    scene.channel.queue_declare(FULL, arguments=full)
    scene.channel.basic_publish("", FULL, b"the only one that fits")
    scene.channel.queue_declare("not.allowed")
    keys = [
        bus.send(b'{"text": "good"}', exchange="answered.events", reply_to=queue)
        for queue in (FULL, "answers.missing", "not.allowed", source_queue("a"), PARKED)
    ]
    for key in keys:
        bus.event(key)
    bus.await_depth(source_queue("answered"), 0)
    assert bus.depth(FULL) == 1
    assert bus.depth("not.allowed") == 0
    scene.channel.queue_declare("answers.good")
    bus.event(bus.send(b'{"text": "good"}', exchange="answered.events", reply_to="answers.good"))
    bus.await_depth("answers.good", 1)
    assert not scene.daemon.events("publish_refused")


def test_sixty_poison_texts_in_one_message_park_one_copy_that_names_them(scene: Scene) -> None:
    texts = [f"{wicked_worker.RAISE} {CANARY} {n}" for n in range(POISON)]
    body = json.dumps({"id": "sixty", "items": [*texts, "good"]}).encode()
    outcome = scene.bus.outcome(scene.bus.send(body, exchange="lists.events"), count=2, timeout=120)
    assert [each["data"]["origin"]["index"] for each in outcome.events] == [POISON]
    [(headers, parked)] = outcome.parked
    assert parked == body
    assert headers["tonebus-code"] == "poison"
    assert headers["tonebus-texts"] == ",".join(map(str, range(POISON)))
    scene.bus.await_depth(source_queue("lists"), 0)


def test_an_upstream_of_rubbish_keeps_no_other_one_waiting(scene: Scene) -> None:
    bus = scene.bus
    for n in range(BAD):
        bus.send(b"{", exchange="a.events", key=f"bad-{n}")
        if n == BAD // 2:
            keys = [bus.say(f"good {place}", id=f"beside {place}") for place in range(GOOD)]
    for key in keys:
        bus.event(key)
    paused = scene.daemon.wait_for("connector_paused")
    assert (paused["connector"], paused["reason"]) == ("a", "bad-messages")
    said = [each["event"] for each in scene.daemon.events() if each.get("connector") == "a"]
    # it tries again some time later, on a slow machine before all of the good ones have come
    first = said[: said.index("connector_resumed")] if "connector_resumed" in said else said
    assert first.count("connector_paused") == 1
    assert first.count("message_parked") < MANY
    # what was prefetched goes back when the copies under way are confirmed; a trial takes one
    trials = said.count("connector_resumed")
    until(lambda: bus.depth(source_queue("a")) > BAD - MANY - trials)
