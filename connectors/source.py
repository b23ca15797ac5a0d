"""Consume: deliveries that carry their own acknowledgement."""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

from connectors.replays import NEVER, replayed
from connectors.trace import UNTRACED, Trace
from connectors.unicode import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.broker import Broker


class Delivery:
    """One message from a source queue, and the only record of it.

    Attributes:
        connector: Name of the connector whose queue it came from.
        body: The bytes as they were published, neither decoded nor decompressed.
        properties: The AMQP properties that are set, by py-amqp's names: headers are
            `application_headers`.
        redelivered: Whether it was delivered before.
        replayed: What it tells of its earlier life, where it was parked and replayed.
        received: Monotonic seconds when it came.
        owes: Outcomes that must be confirmed before it may be settled.
        trace: What is noted of it for whoever traces it.
    """

    __slots__ = (
        "_settled", "_source", "body", "connector", "exchange", "owes", "properties",
        "received", "redelivered", "replayed", "routing_key", "tag", "trace",
    )  # fmt: skip

    def __init__(
        self,
        source: Settler,
        tag: int,
        *,
        connector: str,
        body: bytes,
        properties: Mapping[str, Any],
        exchange: str,
        routing_key: str,
        redelivered: bool,
    ) -> None:
        """Wrap what one `basic.deliver` brought."""
        self._source = source
        self._settled = False
        self.tag = tag
        self.connector = connector
        self.body = body
        self.properties = properties
        self.exchange = without_surrogates(exchange)
        self.routing_key = without_surrogates(routing_key)
        self.replayed = NEVER
        if not exchange:
            # only a replay goes to the queue itself
            self.replayed = seen = replayed(self.headers)
            self.exchange = without_surrogates(seen.exchange)
            self.routing_key = without_surrogates(seen.routing_key or routing_key)
        self.redelivered = redelivered
        self.received = time.monotonic()
        self.owes = 1
        self.trace: Trace = UNTRACED

    @property
    def message_id(self) -> str | None:
        """The publisher's id of the message."""
        return _word(self.properties.get("message_id"))

    @property
    def correlation_id(self) -> str | None:
        """The publisher's correlation id."""
        return _word(self.properties.get("correlation_id"))

    @property
    def count(self) -> int:
        """How often it was delivered before, as a quorum queue counts."""
        value = self.headers.get("x-delivery-count")
        return value if isinstance(value, int) else int(self.redelivered)

    @property
    def headers(self) -> Mapping[str, Any]:
        """The AMQP headers."""
        value = self.properties.get("application_headers")
        return value if isinstance(value, dict) else {}

    def ack(self) -> None:
        """Settle it: every event of it is confirmed, or it is parked, confirmed."""
        if not self._settled:
            self._settled = True
            self._source.settle(self.tag)
            self.trace.end()


def _word(value: object) -> str | None:
    return without_surrogates(value) if isinstance(value, str) and value else None


class Settler(Protocol):
    """The side of a source that a delivery needs."""

    def settle(self, tag: int) -> None:
        """Note that a delivery is done with."""
        ...


class Source:
    """The consuming channel of one connection.

    Delivery tags die with their channel, so a source lives exactly as long: after a reconnect
    there is a new one, and a delivery of the old one settles nothing.
    """

    def __init__(self, broker: Broker, prefetch: int) -> None:
        """Open the channel.

        Args:
            broker: A connected broker.
            prefetch: Unsettled deliveries that each queue may have out.
        """
        self._broker = broker
        self._prefetch = prefetch
        self._channel = broker.channel()
        self._arrived: deque[Delivery] = deque()
        self._unsettled: dict[int, None] = {}
        self._settled: set[int] = set()
        self._consumers: list[str] = []
        self.cancelled: list[str] = []

    def consume(self, queue: str, connector: str, prefetch: int = 0) -> None:
        """Start deliveries from a queue.

        Args:
            queue: Its name.
            connector: Whose queue it is.
            prefetch: Unsettled deliveries that it may have out; 0 takes what all have.
        """

        def on_delivery(message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
            info = message.delivery_info
            tag = info["delivery_tag"]
            self._unsettled[tag] = None
            self._arrived.append(
                Delivery(
                    self,
                    tag,
                    connector=connector,
                    body=_bytes(message.body),
                    properties=message.properties,
                    exchange=info["exchange"],
                    routing_key=info["routing_key"],
                    redelivered=bool(info["redelivered"]),
                )
            )

        # RabbitMQ applies it to each consumer that starts afterwards
        self._broker.attempt(self._channel.basic_qos, 0, prefetch or self._prefetch, False)
        consumer = self._broker.attempt(
            self._channel.basic_consume,
            queue,
            callback=on_delivery,
            on_cancel=self.cancelled.append,
        )
        self._consumers.append(consumer)

    def arrived(self) -> list[Delivery]:
        """Take the deliveries that have come since the last call."""
        taken = list(self._arrived)
        self._arrived.clear()
        return taken

    @property
    def unsettled(self) -> int:
        """Deliveries that the broker still waits for."""
        return len(self._unsettled)

    def settle(self, tag: int) -> None:
        """Note that a delivery is done with; `flush` tells the broker."""
        if tag in self._unsettled:
            self._settled.add(tag)

    def flush(self) -> None:
        """Acknowledge what was settled: the unbroken run from the oldest on in one frame."""
        if not self._settled:
            return
        run = list(itertools.takewhile(self._settled.__contains__, self._unsettled))
        if run:
            self._broker.attempt(self._channel.basic_ack, run[-1], multiple=True)
            self._settled.difference_update(run)
        for tag in self._settled:
            self._broker.attempt(self._channel.basic_ack, tag)
        for tag in (*run, *self._settled):
            del self._unsettled[tag]
        self._settled.clear()

    def cancel(self) -> None:
        """Stop deliveries; those already out stay ours to settle."""
        for consumer in self._consumers:
            self._broker.attempt(self._channel.basic_cancel, consumer)
        self._consumers.clear()

    def give_back(self) -> None:
        """Return to the queues whatever is not settled, by closing the channel."""
        self._broker.attempt(self._channel.close)
        self._unsettled.clear()
        self._arrived.clear()


def _bytes(body: Any) -> bytes:  # noqa: ANN401 - py-amqp gives bytes, or str for an empty body
    return body.encode() if isinstance(body, str) else bytes(body)
