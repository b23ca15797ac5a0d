"""Source, sink and scoring over the embedded broker and workers."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp import topology
from connectors.amqp.bus import declared
from connectors.amqp.wakeup import Wakeup
from connectors.delivery import Delivery
from connectors.errors import Unavailable
from connectors.ports import NO_HEADERS, Backlog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.amqp.bus import Route
    from connectors.embedded.broker import EmbeddedBroker, Message
    from connectors.embedded.worker import EmbeddedWorker
    from connectors.messages import Letter
    from connectors.scoring.protocol import Answer


class _Source:
    def __init__(self, broker: EmbeddedBroker, routes: Sequence[Route], prefetch: int) -> None:
        self._broker = broker
        self._queues = [
            (route.connector, topology.source_queue(route.connector), route.prefetch or prefetch)
            for route in routes
        ]
        self._tags = itertools.count(1)
        self._unsettled: dict[int, tuple[str, Message]] = {}
        self._settled: list[int] = []

    @property
    def unsettled(self) -> int:
        return len(self._unsettled)

    def arrived(self) -> list[Delivery]:
        arrived = []
        for connector, queue, prefetch in self._queues:
            out = sum(held == queue for held, _ in self._unsettled.values())
            for message in self._broker.take(queue, prefetch - out):
                tag = next(self._tags)
                self._unsettled[tag] = (queue, message)
                arrived.append(
                    Delivery(
                        self, tag, connector=connector, body=message.body,
                        properties=message.properties, exchange=message.exchange,
                        routing_key=message.routing_key, redelivered=message.redelivered,
                    )
                )  # fmt: skip
        return arrived

    def settle(self, tag: int) -> None:
        self._settled.append(tag)

    def flush(self) -> None:
        for tag in self._settled:
            self._unsettled.pop(tag, None)
        self._settled.clear()

    def cancel(self) -> None:
        self._queues.clear()

    def give_back(self) -> None:
        for queue, message in reversed(self._unsettled.values()):
            self._broker.give_back(queue, [message])
        self._unsettled.clear()


class _Sink:
    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker
        self._outcomes: list[tuple[Any, bool]] = []
        self._returned: str | None = None

    @property
    def unconfirmed(self) -> int:
        return 0

    def publish(self, letter: Letter, parcel: Any) -> None:  # noqa: ANN401 - the caller's own
        if not self._broker.publish(letter) and letter.mandatory:
            self._returned = letter.exchange
        self._outcomes.append((parcel, True))

    def outcomes(self) -> list[tuple[Any, bool]]:
        if self._returned is not None:
            raise Unavailable(f"nothing is bound to exchange {self._returned!r}")
        taken, self._outcomes = self._outcomes, []
        return taken


class _Scoring:
    def __init__(self, workers: dict[str, EmbeddedWorker], wakeup: Wakeup) -> None:
        self._workers = workers
        self._wakeup = wakeup
        self._answers: deque[Answer] = deque()

    def ask(
        self, model: str, texts: Sequence[str], *, urgent: bool, timeout: float,  # noqa: ARG002 - a request cannot get lost here
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:  # fmt: skip
        worker = self._workers[model]
        return worker.submit(list(texts), urgent=urgent, headers=headers, reply=self._reply)

    def answers(self) -> list[Answer]:
        return [self._answers.popleft() for _ in range(len(self._answers))]

    def workers(self, model: str) -> int:
        return int(model in self._workers)

    def probe(self, worker: str) -> None:
        """A thread of this process lives as long as we do."""

    def gone(self) -> list[str]:
        return []

    def _reply(self, answer: Answer) -> None:
        self._answers.append(answer)
        self._wakeup.set()


class Embedded:
    """Source, sink and scoring in this process; the counterpart of `Rabbit`."""

    source: _Source
    sink: _Sink
    scoring: _Scoring
    blocked = False

    def __init__(
        self, broker: EmbeddedBroker, workers: dict[str, EmbeddedWorker],
        *, routes: Sequence[Route] = (), prefetch: int = 1,
    ) -> None:  # fmt: skip
        """Args as `Rabbit` has them, with the models' workers in place of their names."""
        self.wakeup = Wakeup()
        self._broker = broker
        self._workers = workers
        self._routes = routes
        self._prefetch = prefetch
        broker.listen(self.wakeup)

    def open(self, *, careful: bool = False) -> None:
        """Declare and listen; when careful, for a single delivery at a time."""
        self._broker.declare(topology.results(), *declared(self._routes, ()))
        routes = [msgspec.structs.replace(each, prefetch=1) for each in self._routes]
        self.source = _Source(self._broker, routes if careful else self._routes, self._prefetch)
        self.sink = _Sink(self._broker)
        self.scoring = _Scoring(self._workers, self.wakeup)

    def wait(self, seconds: float) -> None:
        """Sleep until something arrives or somebody wakes us."""
        self.wakeup.wait(seconds)

    def depth(self, queue: str) -> int | None:
        """Messages ready in a queue; None where there is no such queue."""
        return self._broker.depth(queue)

    def backlog(self, queue: str) -> Backlog | None:
        """How a queue stands; None where there is no such queue."""
        depth = self._broker.depth(queue)
        return None if depth is None else Backlog(depth, None)

    def close(self) -> None:
        """Return what is not settled."""
        self.source.give_back()

    drop = close
