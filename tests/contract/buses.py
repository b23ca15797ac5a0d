"""The two buses under one contract: the embedded one, and a real RabbitMQ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from connectors.amqp import topology
from connectors.amqp.bus import Rabbit
from connectors.embedded import Embedded, EmbeddedBroker, EmbeddedWorker
from daemon.worker.task import result_maker
from tests import models
from tests.brokers import patient_broker
from tests.daemon.traced import Traced, parent_of, trace_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.amqp.connection import Broker
    from connectors.amqp.subscription import Subscription
    from connectors.messages import OutgoingMessage
    from connectors.ports import Edges
    from daemon.model.tone_model import ToneModel
    from tests.otlp import Collector

WITHOUT_WORKERS = "nobody"
"""A model that no worker serves."""


class Found(NamedTuple):
    """A message as another consumer would read it."""

    body: bytes
    routing_key: str
    properties: dict[str, Any]


class Bus(Protocol):
    """A bus, seen from outside."""

    def edges(self, subscriptions: Sequence[Subscription] = (), prefetch: int = 10) -> Edges:
        """Open a connection."""
        ...

    def declare(self, *parts: topology.Topology) -> None:
        """Declare something more."""
        ...

    def send(self, message: OutgoingMessage) -> None:
        """Publish as an upstream would."""
        ...

    def drain(self, queue: str) -> list[Found]:
        """Take all that waits in a queue."""
        ...

    def continued(self) -> set[tuple[str, str]]:
        """Traces that the workers have gone on with, each with the span that they found."""
        ...

    def close(self) -> None:
        """Drop the connections that were opened."""
        ...


class EmbeddedBus:
    """The bus in this process."""

    def __init__(self, model: ToneModel) -> None:
        self._broker = EmbeddedBroker()
        self._tracer = Traced()
        score = result_maker(model, "embedded", self._tracer)
        self._workers = {models.NAME: EmbeddedWorker(score)}

    def edges(self, subscriptions: Sequence[Subscription] = (), prefetch: int = 10) -> Edges:
        edges = Embedded(
            self._broker, self._workers, subscriptions=subscriptions, prefetch=prefetch
        )
        edges.open()
        for subscription in subscriptions:
            edges.source.start(subscription.connector)
        return edges

    def declare(self, *parts: topology.Topology) -> None:
        self._broker.declare(*parts)

    def send(self, message: OutgoingMessage) -> None:
        self._broker.publish(message)

    def drain(self, queue: str) -> list[Found]:
        return [
            Found(each.body, each.routing_key, each.properties)
            for each in self._broker.take(queue, 10_000)
        ]

    def continued(self) -> set[tuple[str, str]]:
        return {(trace_of(span), parent_of(span)) for span in self._tracer.spans()}

    def close(self) -> None:
        pass


class RabbitBus:
    """RabbitMQ, with a worker process beside it."""

    def __init__(self, url: str, collector: Collector) -> None:
        self._url = url
        self._collector = collector
        self._opened: list[Rabbit] = []
        self._outside = broker(url)
        self._outside.connect()

    def edges(self, subscriptions: Sequence[Subscription] = (), prefetch: int = 10) -> Edges:
        edges = Rabbit(
            broker(self._url),
            models=[models.NAME, WITHOUT_WORKERS],
            subscriptions=subscriptions,
            prefetch=prefetch,
        )
        edges.open()
        for subscription in subscriptions:
            edges.source.start(subscription.connector)
        self._opened.append(edges)
        return edges

    def declare(self, *parts: topology.Topology) -> None:
        topology.apply(self._outside, *parts)

    def send(self, message: OutgoingMessage) -> None:
        edges = self.edges()
        edges.sink.publish(message, None)
        while edges.sink.unconfirmed:
            edges.wait(1)
        edges.close()

    def drain(self, queue: str) -> list[Found]:
        channel = self._outside.channel()
        found = []
        while message := self._outside.attempt(channel.basic_get, queue, no_ack=True):
            key = message.delivery_info["routing_key"]
            body = message.body
            body = body.encode() if isinstance(body, str) else body
            found.append(Found(body, key, message.properties))
        self._outside.attempt(channel.close)
        return found

    def continued(self) -> set[tuple[str, str]]:
        return {(span.trace, span.parent) for span in self._collector.spans}

    def close(self) -> None:
        for edges in self._opened:
            edges.drop()
        self._outside.close()


def broker(url: str) -> Broker:
    """A connection of the tests'."""
    return patient_broker(url, heartbeat=10)
