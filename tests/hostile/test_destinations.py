"""Where events go refuses them: that waits and is probed, and nobody else pays."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pika
import pytest

from connectors.amqp.topology import PARKED, source_queue
from tests import models
from tests.hostile.bus import Bus
from tests.hostile.conftest import vhost_of
from tests.processes import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.conftest import Node
    from tests.processes import Process

SOURCE = source_queue("input")
INNOCENTS = 19
SHORT_HOLD = {"TONEBUS_DAEMON_HOLD_SECONDS": "1"}
ALL = ".*"
IDLE_SECONDS = 4.0
"""RabbitMQ hibernates a channel, and with it forgets its permissions, within so many at first."""


class Scene:
    """A daemon and a worker in a strict room, and a client."""

    def __init__(self, daemon: Process, bus: Bus, channel: Any) -> None:
        self.daemon = daemon
        self.bus = bus
        self.channel = channel

    def assert_nothing_was_parked(self) -> None:
        self.bus.await_depth(SOURCE, 0)
        assert self.bus.depth(PARKED) == 0
        assert not self.daemon.events("message_parked")


@pytest.fixture
def scene(strict_room: dict[str, str], model_directory: Path, tmp_path: Path) -> Iterator[Scene]:
    path = tmp_path / "tonebus.toml"
    output = 'output = {exchange = "of.others", routing_key = "{routing_key}"}\n'
    path.write_text(models.toml(model_directory) + output, encoding="utf-8")
    env = strict_room | SHORT_HOLD | {"TONEBUS_CONFIG": str(path)}
    with ExitStack() as stack:
        url = env["TONEBUS_BROKER_URL"]
        channel = stack.enter_context(pika.BlockingConnection(pika.URLParameters(url))).channel()
        # first with what it declares itself, then with an exchange of others in the place of one
        with running("daemon", env=env):
            channel.exchange_delete("of.others")
        channel.exchange_declare("of.others", "topic", durable=True)
        channel.queue_declare("seen", durable=True)
        env["TONEBUS_BROKER_MANAGE_TOPOLOGY"] = "false"
        stack.enter_context(running("worker", env=env))
        daemon = stack.enter_context(running("daemon", env=env))
        bus = Bus(url, parked=False)
        stack.callback(bus.close)
        yield Scene(daemon, bus, channel)


def keys_seen(channel: Any) -> list[str]:
    """Take the events that came; return the routing key of each."""
    keys = []
    while (found := channel.basic_get("seen", auto_ack=True))[0]:
        keys.append(found[0].routing_key)
    return keys


def await_keys(channel: Any, wanted: set[str]) -> list[str]:
    """Wait until each of these has come; return all that came."""
    came: list[str] = []

    def all_came() -> bool:
        came.extend(keys_seen(channel))
        return wanted <= set(came)

    until(all_came, timeout=90)
    return came


def say_to(scene: Scene, key: str) -> None:
    scene.bus.send(b'{"text": "good", "id": "%s"}' % key.encode(), routing_key=key)


def test_one_event_that_reaches_no_queue_costs_its_neighbours_nothing(scene: Scene) -> None:
    innocents = {f"to.{n}" for n in range(INNOCENTS)}
    scene.channel.queue_bind("seen", "of.others", "to.#")
    for key in (*innocents, "nowhere"):
        say_to(scene, key)
    came = await_keys(scene.channel, innocents)
    assert scene.daemon.wait_for("connector_paused")["reason"] == "publish-refused"
    refused = scene.daemon.events("publish_refused")
    assert [each["reason"] for each in refused] == ["unrouted"]
    assert "nowhere" in refused[0]["destination"]
    until(lambda: scene.bus.depth(SOURCE) == 1)
    scene.channel.queue_bind("seen", "of.others", "nowhere")
    came += await_keys(scene.channel, {"nowhere"})
    scene.daemon.wait_for("connector_resumed")
    scene.assert_nothing_was_parked()
    assert sorted([*came, *keys_seen(scene.channel)]) == sorted([*innocents, "nowhere"])


def test_a_right_that_is_withdrawn_is_named_and_waited_for(
    impatient: Node, scene: Scene, strict_room: dict[str, str]
) -> None:
    vhost = vhost_of(strict_room)
    scene.channel.queue_bind("seen", "of.others", "#")
    say_to(scene, "before")
    await_keys(scene.channel, {"before"})
    no_right = r"^(?!of\.others$).*"
    impatient.broker.ctl("set_permissions", "-p", vhost, "guest", ALL, no_right, ALL)
    sent: list[str] = []

    def refused() -> bool:
        sent.append(f"during.{len(sent)}")
        say_to(scene, sent[-1])
        return bool(scene.daemon.events("publish_refused"))

    # a channel of RabbitMQ remembers what it allowed until it has been idle for a second or two
    until(refused, lambda: time.sleep(IDLE_SECONDS), timeout=60)
    said = scene.daemon.wait_for("publish_refused")
    assert said["reason"] == "forbidden"
    assert "of.others" in said["detail"]
    assert "right to write" in said["fix"]
    assert scene.daemon.wait_for("connector_paused")["reason"] == "publish-refused"
    impatient.broker.ctl("set_permissions", "-p", vhost, "guest", ALL, ALL, ALL)
    await_keys(scene.channel, set(sent))
    scene.daemon.wait_for("connector_resumed")
    scene.assert_nothing_was_parked()
    assert not scene.daemon.events("disconnected")


def test_an_exchange_that_is_deleted_and_declared_again_is_waited_for(scene: Scene) -> None:
    scene.channel.exchange_delete("of.others")
    sent = {f"to.{n}" for n in range(INNOCENTS)}
    for key in sent:
        say_to(scene, key)
    assert scene.daemon.wait_for("publish_refused")["reason"] == "forbidden"
    scene.daemon.wait_for("connector_paused")
    scene.channel.exchange_declare("of.others", "topic", durable=True)
    scene.channel.queue_bind("seen", "of.others", "#")
    await_keys(scene.channel, sent)
    scene.assert_nothing_was_parked()
    assert not scene.daemon.events("disconnected")
