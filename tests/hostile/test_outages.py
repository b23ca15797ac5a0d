"""What merely takes long: no worker, no memory, no queue. Nothing is parked for it."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import pika
import pytest

from connectors.amqp.features import features
from connectors.amqp.topology import scoring_queue, source_queue
from connectors.messages import Fault
from connectors.scoring.protocol import Failed, Scored, Started
from tests import models
from tests.chaos import wicked_worker
from tests.hostile.bus import Bus
from tests.hostile.conftest import TIMEOUT
from tests.processes import running
from tests.servers import check_broker
from tests.waiting import until
from tests.workers import DAWDLE_SECONDS, pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.conftest import Node
    from tests.processes import Process

SOURCE = source_queue("input")
MANY = 30
SHORT_HOLD = {"TONEBUS_DAEMON_HOLD_SECONDS": "1"}
LONG_HOLD = {"TONEBUS_DAEMON_HOLD_SECONDS": "600"}
_WAITS = 4 * TIMEOUT
"""Seconds: longer than RabbitMQ needs to put away what is delivered and held again and again."""


@contextlib.contextmanager
def client(env: dict[str, str]) -> Iterator[Bus]:
    bus = Bus(env["TONEBUS_BROKER_URL"])
    yield bus
    bus.close()


def say_many(bus: Bus, first: int = 0) -> list[str]:
    return [bus.say(f"good number {n}", id=n) for n in range(first, first + MANY)]


def times_counted(env: dict[str, str]) -> list[int]:
    """How often RabbitMQ counted a delivery of each message that waits; it is counted once more."""
    with pika.BlockingConnection(pika.URLParameters(env["TONEBUS_BROKER_URL"])) as connection:
        channel = connection.channel()
        found: list[dict[str, Any]] = []
        for _ in range(MANY):
            method, properties, _ = channel.basic_get(SOURCE)
            assert method, f"only {len(found)} wait"
            assert properties is not None
            found.append(dict(properties.headers or {}))
        channel.basic_nack(0, multiple=True)
    return [int(headers.get("x-delivery-count", 0)) for headers in found]


def assert_all_came(daemon: Process, bus: Bus, keys: list[str]) -> None:
    for key in keys:
        bus.event(key)
        assert len(bus.outcome(key).events) == 1
    bus.await_depth(SOURCE, 0)
    assert not daemon.events("message_parked")
    assert not daemon.events("disconnected")


@pytest.mark.parametrize("hold", [SHORT_HOLD, LONG_HOLD])
def test_an_outage_of_the_workers_costs_no_message_more_than_one_delivery(
    strict_room: dict[str, str], hold: dict[str, str]
) -> None:
    with running("daemon", env=strict_room | hold) as daemon, client(strict_room) as bus:
        keys = say_many(bus)
        paused = daemon.wait_for("connector_paused")
        assert (paused["connector"], paused["reason"]) == ("input", "no-worker")
        assert len(bus.open_after(keys, _WAITS)) == MANY
        assert len(daemon.events("consumer_ended")) == int(hold is LONG_HOLD)
        assert len(daemon.events("connector_paused")) == 1
        assert max(times_counted(strict_room)) <= 1
        with running("worker", env=strict_room):
            assert daemon.wait_for("connector_resumed")["reason"] == "no-worker"
            assert_all_came(daemon, bus, keys)


def test_a_worker_that_is_connected_and_does_nothing_costs_no_message_more_than_one_delivery(
    strict_room: dict[str, str],
) -> None:
    env = strict_room | SHORT_HOLD | {"TONEBUS_DAEMON_SCORE_TIMEOUT": "1"}
    with (
        running("daemon", env=env) as daemon,
        client(env) as bus,
        pika.BlockingConnection(pika.URLParameters(env["TONEBUS_BROKER_URL"])) as hung,
    ):
        # it takes every request, and says nothing of any
        hung.channel().basic_consume(
            scoring_queue(models.NAME).name, lambda *_: None, auto_ack=True
        )
        daemon.wait_for("workers_counted")
        keys = say_many(bus)
        daemon.wait_for("workers_silent")
        assert daemon.wait_for("connector_paused")["reason"] == "no-worker"
        assert len(bus.open_after(keys, _WAITS)) == MANY
        assert len(daemon.events("connector_paused")) == 1
        assert max(times_counted(env)) <= 1
        hung.close()
        with running("worker", env=env):
            assert daemon.wait_for("connector_resumed")["reason"] == "no-worker"
            assert_all_came(daemon, bus, keys)


def test_a_daemon_that_pauses_reloads_and_stops_at_once(strict_room: dict[str, str]) -> None:
    with contextlib.ExitStack() as stack:
        daemon = stack.enter_context(running("daemon", env=strict_room | SHORT_HOLD))
        bus = stack.enter_context(client(strict_room))
        keys = say_many(bus)
        daemon.wait_for("connector_paused")
        os.kill(daemon.pid, signal.SIGHUP)
        daemon.wait_for("daemon_ready", count=2)
        daemon.wait_for("connector_paused", count=2)
        assert daemon.stop() == 0
        assert [each["returned"] for each in daemon.events("drain_finished")] == [0, 0]
        stack.enter_context(running("worker", env=strict_room))
        daemon = stack.enter_context(running("daemon", env=strict_room))
        assert_all_came(daemon, bus, keys)


def test_a_memory_alarm_costs_no_message_more_than_one_delivery(
    impatient: Node, strict_room: dict[str, str]
) -> None:
    env = strict_room | SHORT_HOLD
    with contextlib.ExitStack() as stack:
        stack.enter_context(running("worker", env=env))
        daemon = stack.enter_context(running("daemon", env=env))
        daemon.wait_for("daemon_ready")
        bus = stack.enter_context(client(env))
        bus.event(bus.say("good before"))
        assert daemon.stop() == 0
        keys = say_many(bus)
        # the command may take longer than RabbitMQ lets a delivery be held
        impatient.broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
        try:
            daemon = stack.enter_context(running("daemon", env=env))
            assert daemon.wait_for("connector_paused")["reason"] == "broker-alarm"
            assert len(bus.open_after(keys, _WAITS)) == MANY
            assert len(daemon.events("connector_paused")) == 1
        finally:
            impatient.broker.ctl("set_vm_memory_high_watermark", "0.4")
        daemon.wait_for("connector_resumed")
        for key in keys:
            bus.event(key)
        bus.await_depth(SOURCE, 0)
        assert not daemon.events("message_parked")
        assert len(daemon.events("disconnected")) == 1


def test_a_queue_that_is_deleted_again_and_again_under_load_costs_nothing_else(
    strict_room: dict[str, str],
) -> None:
    with (
        running("worker", env=strict_room),
        running("daemon", env=strict_room) as daemon,
        client(strict_room) as bus,
    ):
        for round_ in range(1, 6):
            say_many(bus, round_ * MANY)
            bus.delete(SOURCE)
            ended = daemon.wait_for("consumer_ended", count=round_)
            assert ended["reason"] == "deleted"
            bus.await_queue(SOURCE)
            bus.event(bus.say(f"good after round {round_}"))
        assert not daemon.events("disconnected")
        assert not daemon.events("internal_error")


def test_workers_outlive_a_rabbitmq_that_waits_less_than_a_forward_takes(
    strict_room: dict[str, str], model_directory: Path, tmp_path: Path
) -> None:
    url = strict_room["TONEBUS_BROKER_URL"]
    with pair(url, model_directory, tmp_path) as two:
        asker = two.asker
        # up to RabbitMQ 4.2, it closes the worker's channel meanwhile
        assert DAWDLE_SECONDS > 1.5 * TIMEOUT
        request = asker.ask(wicked_worker.DAWDLE)
        name = asker.started(request)
        asker.await_answer(request, Scored)
        until(lambda: asker.consumers == 2, asker.turn, timeout=240)
        for _ in range(4):
            asker.await_answer(asker.ask("fine"), Scored)
        assert [worker.starts for worker in two.workers] == [1, 1]
        closed = not features(check_broker(url)).cancels_on_timeout
        # its worker says that it goes on, so that nobody suspects the text
        assert asker.to(request).count(Started(request, name)) == 1 + closed
        assert asker.to(request).count(Failed(request, Fault("worker-lost"))) == closed
