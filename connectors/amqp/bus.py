"""The bus for real: one connection to RabbitMQ with a channel for each direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp import topology
from connectors.amqp.connection import Refused
from connectors.amqp.consumer import Source
from connectors.amqp.publisher import Sink
from connectors.amqp.wakeup import Wakeup
from connectors.errors import Unavailable
from connectors.ports import Backlog
from connectors.scoring.client import Scoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery

    from connectors.amqp.connection import Broker


class Route(msgspec.Struct, frozen=True):
    """A connector, as the bus knows it.

    Attributes:
        passive: Whether the exchange belongs to others.
        prefetch: Deliveries that may be out; 0 takes what all have.
        output: Exchange that its events are published to.
    """

    connector: str
    exchange: str
    patterns: tuple[str, ...]
    passive: bool = False
    prefetch: int = 0
    output: str = topology.RESULTS


def declared(routes: Sequence[Route], models: Sequence[str]) -> list[topology.Topology]:
    """Return all that a process with these routes and models relies on at the broker."""
    parts = [topology.scoring(models)]
    if routes:
        parts.append(topology.results(each.output for each in routes))
    parts += [
        topology.source(each.connector, each.exchange, each.patterns, passive=each.passive)
        for each in routes
    ]
    return parts


class Rabbit:
    """Source, sink and scoring over one RabbitMQ connection.

    Attributes:
        broker: The connection.
        source: Deliveries of every route.
        sink: Confirmed publishing.
        scoring: Requests to the Celery workers.
        wakeup: Ends `wait` from outside.
    """

    source: Source
    sink: Sink[Any]
    scoring: Scoring

    def __init__(
        self, broker: Broker, *, app: Celery, models: Sequence[str], routes: Sequence[Route] = (),
        prefetch: int = 1, manage: bool = True,
    ) -> None:  # fmt: skip
        """Prepare; connect nothing yet.

        Args:
            broker: Where to connect.
            app: How Celery's messages are made.
            models: Models whose workers may be asked.
            routes: What to consume; none for a process that only asks.
            prefetch: Unsettled deliveries for each route.
            manage: Whether to declare what is relied on, or only to find it in place.
        """
        self.broker = broker
        self.wakeup = Wakeup()
        self._app = app
        self._models = models
        self._routes = routes
        self._prefetch = prefetch
        self._manage = manage

    @property
    def blocked(self) -> bool:
        """Whether RabbitMQ has asked its publishers to wait (a memory or disk alarm)."""
        return self.broker.blocked

    def open(self, *, careful: bool = False) -> None:
        """Connect, declare and listen: one attempt.

        Args:
            careful: Whether to have a single delivery out at a time.

        Raises:
            Unavailable: No broker answers, or it refuses us.
            Misconfigured: Something is declared otherwise, or may not be declared.
        """
        self.broker.connect()
        prepare = topology.apply if self._manage else topology.verify
        prepare(self.broker, *declared(self._routes, self._models))
        self.sink = Sink(self.broker)
        self.scoring = Scoring(self.broker, self._app)
        self.source = Source(self.broker, 1 if careful else self._prefetch)
        for route in self._routes:
            prefetch = 0 if careful else route.prefetch
            self.source.consume(topology.source_queue(route.connector), route.connector, prefetch)

    def wait(self, seconds: float) -> None:
        """Send what was written, then sleep until something arrives or somebody wakes us.

        Raises:
            Unavailable: The connection is lost, or RabbitMQ has ended a consumer.
        """
        self.broker.wait(seconds, self.wakeup.fd)
        self.wakeup.clear()
        if self.source.cancelled:
            raise Unavailable("RabbitMQ ended a consumer: its queue was deleted or moved")

    def depth(self, queue: str) -> int | None:
        """Messages ready in a queue; None where there is no such queue."""
        backlog = self.backlog(queue)
        return backlog.messages if backlog else None

    def backlog(self, queue: str) -> Backlog | None:
        """How a queue stands; None where there is no such queue."""
        channel = self.broker.channel()
        try:
            declared = self.broker.attempt(channel.queue_declare, queue, passive=True)
        except Refused:
            return None
        self.broker.attempt(channel.close)
        return Backlog(int(declared.message_count), int(declared.consumer_count))

    def close(self) -> None:
        """Let go in good order."""
        self.broker.close()

    def drop(self) -> None:
        """Let go at once, for something went wrong."""
        self.broker.drop()
