"""A deployment, simulated event by event, with the daemon's own batcher.

So batches grow as they do in a daemon. What a message costs each process is taken from a measured
run; docs/scaling.md explains what is left out.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from functools import partial
from itertools import count, cycle
from typing import TYPE_CHECKING, Final

import msgspec

from daemon.pipeline.batcher import Batcher
from daemon.settings import DaemonSettings

if TYPE_CHECKING:
    from collections.abc import Callable

_LINGER = 0.005
"""A daemon collects so long while every worker is busy (`daemon.pipeline.gathering`)."""
_WAKE: Final = 0.002
"""Messages that arrive within so many seconds wake a process once."""
_REST: Final = 0.05
"""Seconds without a forward on any worker, after which caches are cold."""
MESSAGES: Final = 1_000_000
"""Simulated at most, which takes some twenty seconds."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What one message takes, in seconds of one core; measured with workers of one thread in bf16.

    Attributes:
        daemon: Of a daemon, for a message whose score is known.
        daemon_scored: Likewise, where it is scored.
        rabbitmq: Of RabbitMQ, for a message whose score is known.
        rabbitmq_scored: Likewise, where it is scored in a large batch.
        redis: Of Redis.
        batch: Of a worker, for each batch.
        text: Of a worker, for each text in a batch.
        rested: Of a worker, for a batch after a rest, when the caches are cold.
        turn: Of a daemon, for each turn of its loop.
        alone: Of all but the worker, for a message that arrives alone and wakes each of them.
        bus: From publish to event without any work: two quorum queues. No core is busy.
        request: From a batch to the worker and back, likewise.
    """

    daemon: float = 1 / 6_931
    daemon_scored: float = 0.15e-3
    rabbitmq: float = 0.07e-3
    rabbitmq_scored: float = 0.09e-3
    redis: float = 0.01e-3
    batch: float = 4.06e-3 - 1 / 784
    text: float = 1 / 784
    rested: float = 6.52e-3 - 4.06e-3
    turn: float = 0.3e-3
    alone: float = 1.6e-3
    bus: float = 4.1e-3
    request: float = 4e-3

    @classmethod
    def measured(cls, figures: dict[str, float]) -> Costs:
        """Take the costs from the medians of a run of `make bench`."""
        text = 1 / figures["distinct, 1 workers: texts/s"]
        return cls(
            daemon=1 / figures["repeats, 1 daemons: messages/s"],
            daemon_scored=figures["distinct: daemon CPU s per 1,000"] / 1000,
            rabbitmq=figures["repeats: RabbitMQ CPU s per 1,000"] / 1000,
            rabbitmq_scored=figures["distinct: RabbitMQ CPU s per 1,000"] / 1000,
            redis=figures["distinct: Redis CPU s per 1,000"] / 1000,
            batch=max(0.0, figures["single forward ms"] / 1000 - text),
            text=text,
            rested=(
                figures["single forward after a rest of 0.2 s, ms"] - figures["single forward ms"]
            )
            / 1000,
        )


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """What is simulated.

    Attributes:
        daemons: How many.
        workers: How many.
        repeats: Share of messages whose score is known.
        cores: Of the one host that everything shares; 0 where nothing is shared.
    """

    daemons: int
    workers: int
    repeats: float = 0.0
    cores: int = 0


class Text(msgspec.Struct, frozen=True):
    """One message on its way, by when it was published."""

    text: str
    published: float


class _Daemon:
    """What one daemon knows, and until when it is busy."""

    def __init__(self) -> None:
        options = DaemonSettings()
        self.batcher: Batcher[Text] = Batcher(
            texts=options.batch_texts, size=options.batch_bytes, seconds=options.batch_seconds
        )
        self.arrived: deque[Text] = deque()
        self.out = 0
        self.awake = False
        self.busy_until = 0.0


class Simulation:
    """One run, event by event; times are seconds since its start.

    Attributes:
        taken: Seconds from publish to event, of each message that has its event.
    """

    def __init__(self, deployment: Deployment, costs: Costs, seed: int = 1) -> None:
        """Nothing has arrived yet."""
        self._deployment = deployment
        self._costs = costs
        self._dice = random.Random(seed)  # noqa: S311 - no secret is made
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._now = 0.0
        self._daemons = [_Daemon() for _ in range(deployment.daemons)]
        self._next = cycle(self._daemons)
        self._idle = deployment.workers
        self._requested: deque[tuple[_Daemon, list[Text]]] = deque()
        self._bus = 0.0
        self._worked = 0.0
        self.taken: list[float] = []

    def latencies(self, rate: float, seconds: float) -> list[float]:
        """Seconds from publish to event, where messages arrive at random at a rate."""
        messages = max(1000, min(MESSAGES, int(rate * seconds)))
        bulk = self._costs.daemon_scored + self._costs.rabbitmq_scored
        self._bus = rate * (bulk + (self._costs.alone - bulk) / (1 + rate * _WAKE))
        due = 0.0
        for _ in range(messages):
            due += self._dice.expovariate(rate)
            self._at(due + self._costs.bus / 2, partial(self._arrive, due))
        while self._events:
            self._now, _, happens = heapq.heappop(self._events)
            happens()
        # the first tenth fills the system
        return self.taken[len(self.taken) // 10 :]

    def _at(self, moment: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), happens))

    def _arrive(self, published: float) -> None:
        daemon = next(self._next)
        daemon.arrived.append(Text("x" * 90, published))
        self._wake(daemon)

    def _wake(self, daemon: _Daemon) -> None:
        if daemon.awake:
            return
        daemon.awake = True
        linger = _LINGER if daemon.out >= self._deployment.workers else 0.0
        self._at(max(self._now + linger, daemon.busy_until), partial(self._turn, daemon))

    def _turn(self, daemon: _Daemon) -> None:
        """One turn of the loop: everything that has arrived, then batches to free workers."""
        daemon.awake = False
        spent = self._costs.turn
        while daemon.arrived:
            text = daemon.arrived.popleft()
            if self._dice.random() < self._deployment.repeats:
                spent += self._costs.daemon
                self.taken.append(self._now + spent + self._costs.bus / 2 - text.published)
            else:
                spent += self._costs.daemon_scored
                daemon.batcher.add(text)
        daemon.busy_until = self._now + spent
        self._ask(daemon)

    def _ask(self, daemon: _Daemon) -> None:
        while (free := self._deployment.workers - daemon.out) > 0:
            batch = daemon.batcher.take(free + daemon.out / 2)
            if not batch:
                return
            daemon.out += 1
            self._requested.append((daemon, batch))
            self._work()

    def _work(self) -> None:
        while self._idle and self._requested:
            self._idle -= 1
            daemon, batch = self._requested.popleft()
            begun = max(self._now, daemon.busy_until) + self._costs.request
            forward = self._costs.batch + len(batch) * self._costs.text
            if begun - self._worked > _REST:
                forward += self._costs.rested
            forward *= self._crowding()
            self._worked = begun + forward
            self._at(begun + forward, partial(self._reply, daemon, batch, forward))

    def _crowding(self) -> float:
        """How much longer a forward takes, since all processes share the cores of a host."""
        cores = self._deployment.cores
        left = cores - min(self._bus, cores / 2)
        return max(1.0, (self._deployment.workers - self._idle) / left) if cores else 1.0

    def _reply(self, daemon: _Daemon, batch: list[Text], forward: float) -> None:
        self._idle += 1
        self._work()
        daemon.out -= 1
        daemon.batcher.learn((each.text for each in batch), forward)
        self.taken += [self._now + self._costs.bus / 2 - each.published for each in batch]
        self._wake(daemon)


def pace(deployment: Deployment, costs: Costs) -> float:
    """Messages a second where they never run out: the first resource that is full decides.

    Each daemon and each worker has one core at most; on one host all share its cores.
    """
    new = 1 - deployment.repeats
    text = costs.text + costs.batch / DaemonSettings().batch_texts
    daemon = deployment.repeats * costs.daemon + new * costs.daemon_scored
    rabbitmq = deployment.repeats * costs.rabbitmq + new * costs.rabbitmq_scored
    limits = [deployment.daemons / daemon]
    if new:
        limits.append(deployment.workers / (new * text))
    if deployment.cores:
        limits.append(deployment.cores / (daemon + rabbitmq + costs.redis + new * text))
    return min(limits)
