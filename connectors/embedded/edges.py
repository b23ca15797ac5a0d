"""Source, sink and scoring over the embedded broker and workers."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

from connectors.amqp import topology
from connectors.amqp.bus import declared
from connectors.amqp.wakeup import Wakeup
from connectors.delivery import Delivery
from connectors.ports import NO_HEADERS, Backlog, Fate, PublishOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.amqp.consumer import Ended
    from connectors.amqp.subscription import Subscription
    from connectors.embedded.broker import EmbeddedBroker, Message
    from connectors.embedded.worker import EmbeddedWorker
    from connectors.messages import OutgoingMessage
    from connectors.scoring.protocol import Reply


class _Consumer:
    """One connector that consumes."""

    def __init__(self, broker: EmbeddedBroker, queue: str, connector: str, prefetch: int) -> None:
        self._broker = broker
        self._queue = queue
        self._connector = connector
        self._tags = itertools.count(1)
        self._unsettled: dict[int, tuple[Delivery, Message]] = {}
        self._settled: list[int] = []
        self.prefetch = prefetch
        self.live = True

    @property
    def unsettled(self) -> int:
        return len(self._unsettled)

    @property
    def oldest(self) -> float | None:
        first = next(iter(self._unsettled.values()), None)
        return first[0].received if first else None

    def arrived(self, limit: int) -> list[Delivery]:
        return [
            self._wrapped(message)
            for message in self._broker.take(
                self._queue, max(0, min(limit, self.prefetch - self.unsettled))
            )
        ]

    def settle(self, tag: int) -> None:
        self._settled.append(tag)

    def flush(self) -> None:
        for tag in self._settled:
            self._unsettled.pop(tag, None)
        self._settled.clear()

    def close(self) -> None:
        self._settled.clear()
        self.live = False
        self._broker.give_back(self._queue, [message for _, message in self._unsettled.values()])
        self._unsettled.clear()

    def _wrapped(self, message: Message) -> Delivery:
        tag = next(self._tags)
        delivery = Delivery(
            self, tag, connector=self._connector, body=message.body,
            properties=message.properties, exchange=message.exchange,
            routing_key=message.routing_key, redelivered=message.redelivered,
        )  # fmt: skip
        self._unsettled[tag] = (delivery, message)
        return delivery


class _Source:
    waiting = 0

    def __init__(
        self, broker: EmbeddedBroker, subscriptions: Sequence[Subscription], prefetch: int
    ) -> None:
        self._broker = broker
        self._subscriptions = {
            subscription.connector: subscription for subscription in subscriptions
        }
        self._prefetch = prefetch
        self._consumers: dict[str, _Consumer] = {}

    def start(
        self, connector: str, prefetch: int = 0, *, alone: bool = False, skip: bool = False
    ) -> None:
        del alone, skip  # it has no streams
        subscription = self._subscriptions[connector]
        prefetch = prefetch or subscription.prefetch or self._prefetch
        self._consumers[connector] = _Consumer(
            self._broker, subscription.source_queue, connector, prefetch
        )

    def stop(self, connector: str) -> None:
        if consumer := self._consumers.pop(connector, None):
            consumer.flush()
            consumer.close()

    def ended(self) -> list[Ended]:
        return []

    def arrived(self, limit: int) -> list[Delivery]:
        arrived: list[Delivery] = []
        for consumer in self._consumers.values():
            arrived += consumer.arrived(limit - len(arrived))
        return arrived

    @property
    def unsettled(self) -> int:
        return sum(each.unsettled for each in self._consumers.values())

    def unsettled_of(self, connector: str) -> int:
        consumer = self._consumers.get(connector)
        return consumer.unsettled if consumer else 0

    def oldest(self, connector: str) -> float | None:
        consumer = self._consumers.get(connector)
        return consumer.oldest if consumer else None

    def flush(self) -> None:
        for consumer in self._consumers.values():
            consumer.flush()

    def cancel(self, connector: str = "") -> None:
        for name, consumer in self._consumers.items():
            if connector in {"", name}:
                consumer.prefetch = 0

    def give_back(self) -> None:
        for connector in list(self._consumers):
            self.stop(connector)

    def drop(self) -> None:
        """As a lost connection does: what was not flushed is not acknowledged."""
        for consumer in self._consumers.values():
            consumer.close()
        self._consumers.clear()


class _Sink:
    unconfirmed = 0

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker
        self._outcomes: list[PublishOutcome[Any]] = []

    def publish(self, outgoing: OutgoingMessage, token: Any, *, probe: bool = False) -> None:  # noqa: ANN401, ARG002 - the caller's own; nothing is forbidden here
        routed = self._broker.publish(outgoing) or not outgoing.mandatory
        self._outcomes.append(PublishOutcome(token, Fate.CONFIRMED if routed else Fate.UNROUTED))

    def reply(self, outgoing: OutgoingMessage) -> None:
        self._broker.publish(outgoing)

    def outcomes(self) -> list[PublishOutcome[Any]]:
        taken, self._outcomes = self._outcomes, []
        return taken


class _Scoring:
    def __init__(self, workers: dict[str, EmbeddedWorker], wakeup: Wakeup) -> None:
        self._workers = workers
        self._wakeup = wakeup
        self._replies: deque[Reply] = deque()

    def ask(
        self, model: str, texts: Sequence[str], *, urgent: bool, timeout: float,  # noqa: ARG002 - a request cannot get lost here
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:  # fmt: skip
        worker = self._workers[model]
        return worker.submit(list(texts), urgent=urgent, headers=headers, reply=self._reply)

    def replies(self) -> list[Reply]:
        return [self._replies.popleft() for _ in range(len(self._replies))]

    def workers(self, model: str) -> int:
        return int(model in self._workers)

    def _reply(self, answer: Reply) -> None:
        self._replies.append(answer)
        self._wakeup.set()


class Embedded:
    """`Edges` in this process; the counterpart of `Rabbit`."""

    source: _Source
    sink: _Sink
    scoring: _Scoring
    blocked = False

    def __init__(
        self, broker: EmbeddedBroker, workers: dict[str, EmbeddedWorker],
        *, subscriptions: Sequence[Subscription] = (), prefetch: int = 1,
    ) -> None:  # fmt: skip
        """Args as `Rabbit` has them, with the models' workers in place of their names."""
        self.wakeup = Wakeup()
        self._broker = broker
        self._workers = workers
        self._subscriptions = subscriptions
        self._prefetch = prefetch
        broker.listen(self.wakeup)

    def open(self) -> None:
        self._broker.declare(topology.results(), *declared(self._subscriptions, ()))
        self.source = _Source(self._broker, self._subscriptions, self._prefetch)
        self.sink = _Sink(self._broker)
        self.scoring = _Scoring(self._workers, self.wakeup)

    def redeclare(self) -> None:
        self._broker.declare(topology.results())

    def wait(self, seconds: float) -> None:
        self.wakeup.wait(seconds)

    def backlog(self, queue: str) -> Backlog | None:
        depth = self._broker.depth(queue)
        return None if depth is None else Backlog(depth, None)

    def close(self) -> None:
        self.source.drop()

    drop = close
