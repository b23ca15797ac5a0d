"""Two real workers, and an asker that asks them as a daemon does."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from connectors.amqp import topology
from connectors.scoring.client import Scoring
from connectors.scoring.protocol import Started
from tests import models
from tests.brokers import patient_broker
from tests.chaos.supervisor import Supervised
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.scoring.protocol import Reply

HEARTBEAT = 2
DAWDLE_SECONDS = 4.5 * HEARTBEAT
"""Longer than RabbitMQ waits for a heartbeat, which is two of them."""


class Asker:
    """The asking side, alone with its workers."""

    def __init__(self, url: str) -> None:
        self.broker = patient_broker(url, heartbeat=60)
        self.broker.connect()
        topology.apply(self.broker, topology.scoring([models.NAME]))
        self._scoring = Scoring(self.broker)
        self.answers: list[Reply] = []

    @property
    def consumers(self) -> int:
        """Workers that take requests just now."""
        return self._scoring.workers(models.NAME)

    def ask(self, *texts: str) -> str:
        """Send a batch."""
        return self._scoring.ask(models.NAME, texts, urgent=False, timeout=60)

    def turn(self) -> None:
        """Take in what arrives."""
        self.broker.wait(0.05)
        self.answers += self._scoring.replies()

    def to(self, request: str) -> list[Reply]:
        """The answers to a request so far."""
        return [answer for answer in self.answers if answer.request == request]

    def started(self, request: str) -> str:
        """Wait until a worker has taken a request up; return the worker's name."""
        until(lambda: self.to(request), self.turn)
        [first] = self.to(request)
        assert isinstance(first, Started)
        return first.worker

    def await_answer(self, request: str, kind: type[Reply], *, timeout: float = 60) -> Reply:
        """Wait for an answer of that kind, and return it."""

        def found() -> list[Reply]:
            return [answer for answer in self.to(request) if isinstance(answer, kind)]

        until(found, self.turn, timeout=timeout)
        return found()[0]


class Pair:
    """Two wicked workers and who asks them.

    Attributes:
        asker: Asks.
        workers: Both, supervised.
    """

    def __init__(self, asker: Asker, workers: list[Supervised]) -> None:
        self.asker = asker
        self.workers = workers

    def of(self, name: str) -> Supervised:
        """The worker of that name."""
        [found] = [each for each in self.workers if name in self.names(each)]
        return found

    def names(self, worker: Supervised) -> list[str]:
        """Its names, one after the other."""
        return [event["worker"] for event in worker.events("worker_ready")]


@contextmanager
def pair(
    url: str, model: Path, place: Path, *, urls: tuple[str, ...] = (), score_timeout: float = 60
) -> Iterator[Pair]:
    """Two workers, ready.

    Args:
        url: The broker, for who asks.
        model: The model's directory.
        place: Where their settings and logs go.
        urls: The broker, as each worker reaches it.
        score_timeout: Seconds that a forward may take.
    """
    config = place / "tonebus.toml"
    config.write_text(models.toml(model), encoding="utf-8")
    with ExitStack() as stack:
        asker = Asker(url)
        stack.callback(asker.broker.close)
        env = {
            "TONEBUS_CONFIG": str(config),
            "TONEBUS_BROKER_HEARTBEAT": str(HEARTBEAT),
            "TONEBUS_DAEMON_SCORE_TIMEOUT": str(score_timeout),
            "WICKED_DAWDLE_SECONDS": str(DAWDLE_SECONDS),
        }
        workers = []
        for number, own in enumerate(urls or (url, url)):
            worker = Supervised(
                f"worker-{number}",
                ["tests.chaos.wicked_worker"],
                env | {"TONEBUS_BROKER_URL": own},
                place,
            )
            stack.callback(worker.close)
            workers.append(worker)
        for worker in workers:
            worker.wait_for("worker_ready")
        yield Pair(asker, workers)
