"""One delivery, which carries its own acknowledgement."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

from connectors.parking.headers import NEVER, replayed
from connectors.text import without_surrogates
from connectors.trace import UNTRACED, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping


class Delivery:
    """One message from a source queue, and the only record of it.

    Attributes:
        connector: Name of the connector whose queue it came from.
        body: The bytes as they were published, neither decoded nor decompressed.
        properties: The AMQP properties that are set, by py-amqp's names: headers are
            `application_headers`.
        redelivered: Whether it was delivered before.
        stream: The stream that it is a message of; empty where it came from a queue.
        offset: Its place in that stream.
        replayed: What its headers say of its history, where it was parked and replayed.
        received: Monotonic seconds when it came.
        trace: What is recorded of it for a tracer.
    """

    __slots__ = (
        "_settled", "_source", "body", "connector", "exchange", "offset", "properties", "received",
        "redelivered", "replayed", "routing_key", "stream", "tag", "trace",
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
        self.stream, self.offset = "", -1
        self.replayed = NEVER
        if not exchange:
            # only a replay goes to the queue itself
            self.replayed = seen = replayed(self.headers)
            self.exchange = without_surrogates(seen.exchange)
            self.routing_key = without_surrogates(seen.routing_key or routing_key)
        self.redelivered = redelivered
        self.received = time.monotonic()
        self.trace: Trace = UNTRACED

    @property
    def live(self) -> bool:
        """Whether it can still be settled; if not, the broker delivers it again."""
        return self._source.live

    @property
    def age(self) -> float:
        """Seconds since it came."""
        return time.monotonic() - self.received

    @property
    def message_id(self) -> str | None:
        """The publisher's id of the message."""
        return _word(self.properties.get("message_id"))

    @property
    def correlation_id(self) -> str | None:
        """The publisher's correlation id."""
        return _word(self.properties.get("correlation_id"))

    @property
    def place(self) -> str:
        """What a stream's message is known by, also when it was parked and replayed; else empty."""
        return f"{self.stream}@{self.offset}" if self.stream else self.replayed.place

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
    """The side of a consumer that a delivery needs.

    Attributes:
        live: Whether its deliveries can still be settled.
    """

    live: bool

    def settle(self, tag: int) -> None:
        """Mark a delivery as done; it is acknowledged at the next flush."""
        ...
