"""A stream with its reader, for the tests of reading it."""

from __future__ import annotations

import uuid
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import amqp

from connectors.amqp import bookmark, topology
from connectors.amqp.bookmark import Taken
from connectors.amqp.stream import OFFSET, StreamConsumer
from tests.brokers import patient_broker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.amqp.connection import Broker
    from connectors.delivery import Delivery

CONNECTOR = "comments"


class Line:
    """A stream with its reader, and what that has brought."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"stream-{uuid.uuid4().hex[:8]}"
        self.keep = f"sentiment.offset.{self.name}"
        self.written = 0
        self.arrived: deque[Delivery] = deque()
        self.brokers: list[Broker] = []
        self.outside = self.connection()
        self._channel = self.outside.channel()
        self._channel.confirm_select()
        self.declare()

    def connection(self) -> Broker:
        broker = patient_broker(self.url, heartbeat=10)
        broker.connect()
        self.brokers.append(broker)
        return broker

    def declare(self, **arguments: Any) -> None:
        self._channel.queue_declare(
            self.name, durable=True, auto_delete=False,
            arguments={"x-queue-type": "stream", **arguments},
        )  # fmt: skip
        [_, _, keep] = topology.stream(CONNECTOR, self.name, self.keep).queues
        topology.apply(self.outside, topology.Topology(queues=(keep,)))

    def write(self, count: int, **properties: Any) -> None:
        for _ in range(count):
            message = amqp.Message(b"m%d" % self.written, **properties)
            self._channel.basic_publish_confirm(message, "", self.name)
            self.written += 1

    def delete(self) -> None:
        self._channel.queue_delete(self.name)
        self.written = 0

    def read(self, offset: Any = "first", **options: Any) -> tuple[Broker, StreamConsumer]:
        """Begin to read, as soon as the reader before is gone: RabbitMQ 4.3 frees it late."""
        found: list[tuple[Broker, StreamConsumer]] = []

        def try_to() -> None:
            with suppress(Taken):
                found.append(self.read_at_once(offset, **options))

        until(lambda: found, try_to)
        return found[0]

    def read_at_once(
        self, offset: Any = "first", *, prefetch: int = 5, ends: bool = False, skip: bool = False
    ) -> tuple[Broker, StreamConsumer]:
        """Begin to read on a connection of its own."""
        broker = self.connection()
        consumer = StreamConsumer(
            broker, CONNECTOR, keep=self.keep, ends=ends, skip=skip, prefetch=prefetch,
            arrived=self.arrived, on_end=lambda _: None,
        )  # fmt: skip
        consumer.start(self.name, {OFFSET: offset})
        return broker, consumer

    def take(self, broker: Broker, consumer: StreamConsumer, count: int) -> list[str]:
        """Settle what comes, until so many have."""
        bodies: list[str] = []

        def turn() -> None:
            broker.wait(0.1)
            while self.arrived and len(bodies) < count:
                delivery = self.arrived.popleft()
                bodies.append(delivery.body.decode())
                delivery.ack()
            consumer.flush()

        until(lambda: len(bodies) >= count, turn)
        return bodies

    def awaited(self, broker: Broker, holds: Callable[[], object]) -> None:
        until(holds, lambda: broker.wait(0.1))

    def place(self) -> int | None:
        found = bookmark.read(self.outside, self.keep)
        return found.offset if found else None


def bodies(start: int, stop: int) -> list[str]:
    return [f"m{n}" for n in range(start, stop)]
