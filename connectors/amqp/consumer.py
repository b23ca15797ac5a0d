"""Consume: one channel for each connector, deliveries that carry their own acknowledgement."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from amqp import spec

from connectors.amqp.connection import body_of
from connectors.delivery import Delivery
from connectors.parking.headers import UNREADABLE

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping

    from connectors.amqp.connection import Broker

CANCELLED = "cancelled"
_ACK_TIMEOUT = "delivery acknowledgement on channel"
"""What RabbitMQ says of a consumer time-out, up to 4.2."""
_log = structlog.get_logger(__name__)


class Ended(NamedTuple):
    """A consumer that RabbitMQ ended.

    Attributes:
        reason: `timeout` where an acknowledgement took too long; `deleted` with its queue; `moved`
            with its queue to another node; `closed` with its channel, for another reason.
        detail: What RabbitMQ said; empty for a `basic.cancel`.
        held: Seconds that its oldest delivery had been out.
        unsettled: Deliveries that were out.
    """

    connector: str
    reason: str
    detail: str
    held: float
    unsettled: int


class Consumer:
    """The consuming channel of one connector, and what its deliveries are settled on.

    Delivery tags die with their channel. So does this object: once it is closed, its deliveries
    are no longer `live`, and settling one does nothing, for RabbitMQ delivers it again.

    Attributes:
        live: Whether what was delivered here can still be settled.
    """

    def __init__(
        self, broker: Broker, connector: str, *, prefetch: int, arrived: deque[Delivery],
        hold_bytes: int, on_end: Callable[[Ended], object],
    ) -> None:  # fmt: skip
        """Open the channel; `start` starts deliveries.

        Args:
            broker: A connected broker.
            connector: Whose messages these are.
            prefetch: Unsettled deliveries that may be out.
            arrived: Deliveries are appended to it.
            hold_bytes: Bytes of bodies that may be out. A body beyond, or one without readable
                properties, is left to RabbitMQ's own dead-lettering; 0 holds whatever comes.
            on_end: Called once, where RabbitMQ ends the consumer.
        """
        self._broker = broker
        self._connector = connector
        self._arrived = arrived
        self._hold_bytes = hold_bytes
        self._on_end = on_end
        self._unsettled: dict[int, Delivery] = {}
        self._settled: set[int] = set()
        self._held = 0
        self._tag = ""
        self._ended = False
        self.live = True
        self._channel = broker.channel()
        self._channel.on_broken = self._on_broken
        # RabbitMQ applies it to each consumer that starts afterwards
        broker.attempt(self._channel.basic_qos, 0, prefetch, False)

    def start(self, queue: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Start deliveries from a queue.

        Raises:
            Refused: RabbitMQ allows no consumer there.
        """
        self._tag = self._broker.attempt(
            self._channel.basic_consume,
            queue,
            callback=self._on_delivery,
            on_cancel=self._on_cancel,
            arguments=dict(arguments or {}),
        )

    @property
    def confirmed(self) -> bool:
        """Whether RabbitMQ has taken it as a consumer."""
        return bool(self._tag)

    @property
    def unsettled(self) -> int:
        return len(self._unsettled)

    @property
    def oldest(self) -> float | None:
        first = next(iter(self._unsettled.values()), None)
        return first.received if first else None

    def settle(self, tag: int) -> None:
        """Note that a delivery is done with; `flush` acknowledges it."""
        if tag in self._unsettled:
            self._settled.add(tag)

    def flush(self) -> None:
        """Acknowledge what was settled: the unbroken run from the oldest on in one frame."""
        if not self._settled or not self.live:
            return
        self._acknowledge_run()
        for tag in self._settled:
            self._acknowledge(tag)
            self._held -= len(self._unsettled.pop(tag).body)
        self._settled.clear()

    def _acknowledge_run(self) -> list[Delivery]:
        """Acknowledge the unbroken run of settled deliveries from the oldest on; return them."""
        tags = list(itertools.takewhile(self._settled.__contains__, self._unsettled))
        if not tags:
            return []
        self._acknowledge(tags[-1], multiple=True)
        self._settled.difference_update(tags)
        run = [self._unsettled.pop(tag) for tag in tags]
        self._held -= sum(len(each.body) for each in run)
        return run

    def _acknowledge(self, tag: int, *, multiple: bool = False) -> None:
        self._broker.attempt(self._channel.basic_ack, tag, multiple)

    def cancel(self) -> None:
        """Stop deliveries; those already out stay ours to settle."""
        if self._tag and self.live:
            tag, self._tag = self._tag, ""
            self._broker.attempt(self._channel.basic_cancel, tag)

    def close(self) -> None:
        """Stop deliveries and give back whatever is not settled.

        From RabbitMQ 4.3 on `basic.nack` is not counted towards the delivery limit, and a closed
        channel is. Before, both are.
        """
        self.cancel()
        self.flush()
        self._give_back()
        self.abandon()

    def _give_back(self) -> None:
        if self._unsettled and self.live:
            everything = (next(reversed(self._unsettled)), True, True)
            self._broker.attempt(self._channel.send_method, spec.Basic.Nack, "Lbb", everything)

    def abandon(self) -> None:
        """Close the channel without a word about what is out: RabbitMQ delivers that again."""
        self._void()
        self._channel.on_broken = None
        self._broker.attempt(self._channel.close)

    def _void(self) -> None:
        self.live = False
        self._unsettled.clear()
        self._settled.clear()

    def _on_delivery(self, message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        info = message.delivery_info
        body = body_of(message)
        if self._hold_bytes and (cause := self._cause_to_reject(message, len(body))):
            _log.warning("delivery_rejected", connector=self._connector, reason=cause)
            self._broker.attempt(self._channel.basic_reject, info["delivery_tag"], False)
            return
        delivery = Delivery(
            self,
            info["delivery_tag"],
            connector=self._connector,
            body=body,
            properties=message.properties,
            exchange=info["exchange"],
            routing_key=info["routing_key"],
            redelivered=bool(info["redelivered"]),
        )
        if self._accepts(delivery):
            self._take_in(delivery)
        else:
            self._acknowledge(delivery.tag)

    def _take_in(self, delivery: Delivery) -> None:
        self._held += len(delivery.body)
        self._unsettled[delivery.tag] = delivery
        self._arrived.append(delivery)

    def _cause_to_reject(self, message: Any, size: int) -> str:  # noqa: ANN401 - py-amqp has no types
        """Return why a delivery is left to RabbitMQ, as it came; empty where it is not."""
        if UNREADABLE in (message.properties.get("application_headers") or {}):
            return "headers"
        over = self._unsettled and self._held + size > self._hold_bytes
        return "too-large" if over else ""

    def _accepts(self, _delivery: Delivery) -> bool:
        """Whether a delivery is to be taken further; else it is acknowledged. Streams skip some."""
        return True

    def _on_cancel(self, _tag: str) -> None:
        self._tag = ""
        self._end(CANCELLED, "")

    def _on_broken(self, _code: int, detail: str) -> None:
        self._end("timeout" if _ACK_TIMEOUT in detail else "closed", detail)
        self._void()

    def _end(self, reason: str, detail: str) -> None:
        # a channel may be closed after its consumer was cancelled, and that is one end
        if self._ended:
            return
        self._ended = True
        held = time.monotonic() - self.oldest if self.oldest else 0.0
        self._on_end(Ended(self._connector, reason, detail, held, len(self._unsettled)))
