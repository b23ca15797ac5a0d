"""A connector, as the bus knows it."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.amqp import topology


class Subscription(msgspec.Struct, frozen=True):
    """Where a connector's messages come from, and where its events go.

    Attributes:
        passive: Whether the exchange belongs to others.
        prefetch: Deliveries that may be out; 0 takes what all have.
        output: Exchange that its events are published to.
        queue: A queue of others to consume from: nothing is declared or bound for it. Empty where
            the connector has a queue of its own.
        offset: Where to begin in `queue`, which is a stream then; empty where it is none.
        ends: Whether to stop at the message that is the stream's last when reading begins.
        purpose: What else that place is for: another purpose starts at the beginning.
        keep: Queue that holds the place in the stream; empty takes the connector's.
        arguments: Of `basic.consume`.
    """

    connector: str
    exchange: str
    patterns: tuple[str, ...]
    passive: bool = False
    prefetch: int = 0
    output: str = topology.RESULTS
    queue: str = ""
    offset: str | int = ""
    ends: bool = False
    purpose: str = ""
    keep: str = ""
    arguments: dict[str, Any] = {}

    @property
    def stream(self) -> str:
        """The stream that is read; empty where it is a queue."""
        return self.queue if self.offset != "" else ""

    @property
    def source_queue(self) -> str:
        """The queue that is consumed from: beside a stream, one of its own that takes replays."""
        own = topology.source_queue(self.connector)
        return own if self.stream else self.queue or own

    @property
    def offset_queue(self) -> str:
        return self.keep or topology.offset_queue(self.connector)

    @property
    def topology(self) -> topology.Topology:
        """What must be at the broker for it; of a queue of others, that it is there."""
        if self.stream:
            return topology.stream(self.connector, self.stream, self.offset_queue)
        if self.queue:
            return topology.queue_of_others(self.queue)
        return topology.source(self.connector, self.exchange, self.patterns, passive=self.passive)
