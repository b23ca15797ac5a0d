"""Where deliveries come from: a consumer for each connector that consumes just now."""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING

from connectors.amqp.connection import Garbled, Refused
from connectors.amqp.consumer import CANCELLED, Consumer
from connectors.amqp.features import features
from connectors.amqp.presence import exists
from connectors.amqp.stream import OFFSET, StreamConsumer, start_of
from connectors.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connectors.amqp.connection import Broker
    from connectors.amqp.consumer import Ended
    from connectors.amqp.subscription import Subscription
    from connectors.delivery import Delivery

_DELETE_SECONDS = 0.3
"""For which a queue may still be there whose consumers RabbitMQ 4 has cancelled, to delete it."""


class Source:
    """The consuming side of one connection: a `SourceEdge`."""

    def __init__(
        self, broker: Broker, subscriptions: Mapping[str, Subscription], *, prefetch: int,
        max_body_bytes: int, declare: Callable[[Subscription], object], dead_letters: bool = True,
    ) -> None:  # fmt: skip
        """Consume nothing yet.

        Args:
            broker: A connected broker.
            subscriptions: What can be consumed, by connector.
            prefetch: Unsettled deliveries that a connector may have out, where its subscription
                says nothing else.
            max_body_bytes: A connector holds so many bytes for each delivery of its prefetch, and
                leaves what is beyond to RabbitMQ's dead-lettering.
            declare: Declares a subscription, or finds it in place.
            dead_letters: Whether a connector's own queue keeps what it rejects, as those do that
                we declare.
        """
        self._broker = broker
        self._subscriptions = subscriptions
        self._prefetch = prefetch
        self._max_body_bytes = max_body_bytes
        self._declare = declare
        self._dead_letters = dead_letters
        self._arrived: deque[Delivery] = deque()
        self._consumers: dict[str, list[Consumer]] = {}
        self._ended: list[Ended] = []
        self._unexplained: dict[str, tuple[Ended, float]] = {}

    def start(
        self, connector: str, prefetch: int = 0, *, alone: bool = False, skip: bool = False
    ) -> None:
        """Start the deliveries of a connector.

        Raises:
            Misconfigured: Its exchange or queue is not as it should be.
            Refused: RabbitMQ allows no consumer.
            Garbled: The connection is lost, over a message perhaps.
            Unavailable: It is lost, and nobody had a consumer on it yet.
        """
        subscription = self._subscriptions[connector]
        prefetch = prefetch or subscription.prefetch or self._prefetch
        consumers: list[Consumer] = []
        try:
            self._declare(subscription)
            if subscription.stream:
                consumers.append(self._stream(subscription, prefetch, skip=skip))
                consumers[-1].start(subscription.stream, {OFFSET: start_of(subscription.offset)})
            if not (subscription.stream and (subscription.ends or alone)):
                consumers.append(self._queue(subscription, prefetch))
                consumers[-1].start(subscription.source_queue, subscription.arguments)
        except Refused:
            for each in consumers:
                each.abandon()
            raise
        except Garbled as lost:
            # RabbitMQ confirms a consumer before it looks at a message
            if self._consumers or any(each.confirmed for each in consumers):
                raise
            raise Unavailable(str(lost)) from lost
        self._consumers[connector] = consumers

    def _stream(self, subscription: Subscription, prefetch: int, *, skip: bool) -> StreamConsumer:
        return self._reader(subscription)(
            self._broker, subscription.connector, keep=subscription.offset_queue,
            ends=subscription.ends, purpose=subscription.purpose, skip=skip,
            prefetch=prefetch, arrived=self._arrived, on_end=self._ended.append,
        )  # fmt: skip

    def _reader(self, _subscription: Subscription) -> Callable[..., StreamConsumer]:
        return StreamConsumer

    def _queue(self, subscription: Subscription, prefetch: int) -> Consumer:
        loses = subscription.queue == subscription.source_queue or not self._dead_letters
        return Consumer(
            self._broker, subscription.connector, prefetch=prefetch, arrived=self._arrived,
            # a queue that others declared may have no dead-lettering: what it rejects would be lost
            hold_bytes=0 if loses else prefetch * self._max_body_bytes,
            on_end=self._ended.append,
        )  # fmt: skip

    def stop(self, connector: str) -> None:
        if consumers := self._consumers.pop(connector, None):
            for consumer in consumers:
                if consumer.live:
                    consumer.close()
            # what ended while it was being stopped is not the one that starts next
            self._ended[:] = [each for each in self._ended if each.connector != connector]
            self._unexplained.pop(connector, None)
            self._drop_dead()

    def ended(self) -> list[Ended]:
        """Take the consumers that RabbitMQ has ended, once it is known why; they are stopped."""
        for each in list(self._ended):
            self.stop(each.connector)
            self._unexplained[each.connector] = each, time.monotonic() + _DELETE_SECONDS
        known = [self._explained(*each) for each in self._unexplained.values()]
        explained = [each for each in known if each]
        for each in explained:
            del self._unexplained[each.connector]
        return explained

    def _explained(self, ended: Ended, until: float) -> Ended | None:
        """Say why RabbitMQ cancelled a consumer, which gives no reason itself; None until then."""
        if ended.reason != CANCELLED:
            return ended
        subscription = self._subscriptions[ended.connector]
        queues = {subscription.stream, subscription.source_queue} - {""}
        there = all(exists(self._broker, "queue", each) for each in queues)
        if there and time.monotonic() < until:
            return None
        times_out = (
            features(self._broker.version.rpartition(" ")[2]).cancels_on_timeout and ended.unsettled
        )
        reason = "deleted" if not there else "timeout" if times_out else "moved"
        return ended._replace(reason=reason)

    def arrived(self, limit: int) -> list[Delivery]:
        return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    @property
    def waiting(self) -> int:
        return len(self._arrived)

    @property
    def unsettled(self) -> int:
        return sum(map(self.unsettled_of, self._consumers))

    def unsettled_of(self, connector: str) -> int:
        return sum(each.unsettled for each in self._consumers.get(connector, ()))

    def oldest(self, connector: str) -> float | None:
        oldest = [each.oldest for each in self._consumers.get(connector, ())]
        return min((each for each in oldest if each is not None), default=None)

    def flush(self) -> None:
        for consumer in itertools.chain.from_iterable(self._consumers.values()):
            consumer.flush()
        # RabbitMQ has the next messages ready while these are worked on
        self._broker.flush()

    def cancel(self, connector: str = "") -> None:
        for name, consumers in self._consumers.items():
            if connector in {"", name}:
                for consumer in consumers:
                    consumer.cancel()

    def give_back(self) -> None:
        for connector in list(self._consumers):
            self.stop(connector)

    def _drop_dead(self) -> None:
        living = [each for each in self._arrived if each.live]
        self._arrived.clear()
        self._arrived.extend(living)
