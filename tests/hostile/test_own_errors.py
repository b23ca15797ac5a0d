"""An error of our own, which no message caused: no message pays for it."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pika

from connectors.amqp.topology import PARKED, source_queue
from tests.chaos.supervisor import Supervised
from tests.hostile.bus import Bus
from tests.processes import running
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = source_queue("input")
MANY = 20


def deliveries_counted(url: str) -> int:
    """How often RabbitMQ counted a delivery of the first message that waits."""
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        method, properties, _ = channel.basic_get(SOURCE)
        assert method
        assert properties
        channel.basic_nack(0, multiple=True)
    return int((properties.headers or {}).get("x-delivery-count", 0))


def test_a_bug_stops_consuming_and_says_where_it_is_and_no_message_is_parked_for_it(
    room: dict[str, str], tmp_path: Path
) -> None:
    url = room["TONEBUS_BROKER_URL"]
    with running("worker", env=room), ExitStack() as stack:
        daemon = Supervised("daemon", ["tests.hostile.buggy_daemon"], room, tmp_path)
        stack.callback(daemon.close)
        daemon.wait_for("daemon_ready")
        bus = Bus(url, parked=False)
        stack.callback(bus.close)
        keys = [bus.say(f"good number {n}", id=n) for n in range(MANY)]
        for times in (1, 2):
            said = daemon.wait_for("internal_error", count=times)
            assert said["error"] == "OverflowError"
            assert " in " in said["where"]
            # it comes back, and does not consume
            daemon.wait_for("reconnected", count=times)
            until(lambda: bus.depth(SOURCE) == MANY)
            # to look at it is one delivery more
            assert deliveries_counted(url) <= 2 * times - 1
            # a reload does not repair it: once more, and no more than that
            os.kill(daemon.pid, signal.SIGHUP)
        daemon.wait_for("internal_error", count=3)
        assert daemon.starts == 1
        daemon.close()
        with running("daemon", env=room) as good:
            for key in keys:
                bus.event(key)
            assert not good.events("message_parked")
        assert bus.depth(PARKED) == 0
