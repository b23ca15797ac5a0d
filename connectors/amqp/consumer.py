"""Consume: deliveries that carry their own acknowledgement."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

from connectors.delivery import Delivery

if TYPE_CHECKING:
    from connectors.amqp.connection import Broker


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
