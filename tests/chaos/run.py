"""One chaos run: servers, processes, traffic, faults, account."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from connectors.amqp.topology import scoring_queue, source_queue
from tests import models
from tests.chaos.faults import Rig, schedule
from tests.chaos.ledger import Ledger
from tests.chaos.oracle import Collector, Publisher, pause_until
from tests.chaos.proxy import Proxy
from tests.chaos.report import Report, Row
from tests.chaos.servers import own_servers
from tests.chaos.supervisor import Supervised
from tests.chaos.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.chaos.faults import Fault
    from tests.own.rabbitmq import OwnRabbit
    from tests.own.redis import OwnRedis

_RECOVERY_SECONDS = 120.0
_KEPT_FOR_AFTERWARDS = 20
"""Messages that are held back until a fault has ended, to see that work goes on."""


@contextmanager
def rigged(directory: Path, broker: OwnRabbit, redis: OwnRedis, seed: int) -> Iterator[Rig]:
    """A daemon and two workers, supervised, behind proxies; all ready."""
    config = directory / "tonebus.toml"
    config.write_text(models.toml(models.save(directory / "model")), encoding="utf-8")
    with ExitStack() as stack:

        def proxy() -> Proxy:
            made = Proxy(broker.port)
            stack.callback(made.close)
            return made

        def process(name: str, command: str, link: Proxy) -> Supervised:
            env = {
                "TONEBUS_CONFIG": str(config),
                "TONEBUS_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{link.port}/%2F",
                "TONEBUS_REDIS_URL": redis.url,
                # short, so that a run sees what takes minutes with the defaults
                "TONEBUS_BROKER_HEARTBEAT": "4",
                "TONEBUS_DAEMON_SCORE_TIMEOUT": "5",
            }
            made = Supervised(name, ["-m", "daemon.cli", command], env, directory)
            stack.callback(made.close)
            return made

        link, worker_link = proxy(), proxy()
        daemon = process("daemon", "daemon", link)
        workers = [process(f"worker-{n}", "worker", worker_link) for n in (1, 2)]
        for each, event in ((daemon, "daemon_ready"), *((w, "worker_ready") for w in workers)):
            each.wait_for(event)
        yield Rig(
            broker=broker, redis=redis, daemon=daemon, workers=workers, link=link,
            worker_link=worker_link, scoring_queue=scoring_queue(models.NAME).name,
            dice=random.Random(seed), killed={},
        )  # fmt: skip


def run(
    directory: Path, *, messages: int, faults: int, seed: int, rate: float, only: str = "",
    say: Callable[[str], object] = print,
) -> Report:  # fmt: skip
    """Publish, break and count.

    Args:
        directory: For data and logs.
        messages: How many to publish.
        faults: How many faults to inject, spread over the traffic.
        seed: Of the traffic and of the faults.
        rate: Messages a second while nothing is broken.
        only: A part of the names of the faults to take; empty takes all.
        say: Told of each step.

    Raises:
        ServerMissingError: RabbitMQ or Redis cannot be started.
    """
    with (
        own_servers(directory / "servers") as (broker, redis),
        rigged(directory, broker, redis, seed) as rig,
    ):
        ledger = Ledger()
        publisher = Publisher(broker.url, ledger, traffic(seed, messages), rate=rate, seed=seed)
        collector = Collector(broker.url, ledger)
        collector.start()
        publisher.start()
        trial = _Trial(rig, ledger, publisher, say)
        try:
            trial.break_things(schedule(seed, faults, only), messages // max(1, faults))
            left = trial.finish(messages)
        finally:
            publisher.close()
            collector.close()
        return Report(
            seed=seed,
            seconds=time.monotonic() - trial.begun,
            rows=trial.rows,
            account=ledger.account(_scorer(directory / "model")),
            left=left,
            crashes=rig.daemon.starts - 1 - rig.killed.get(rig.daemon.name, 0),
            stuck=trial.stuck,
            failed_attempts=publisher.failed_attempts,
        )


class _Trial:
    def __init__(
        self, rig: Rig, ledger: Ledger, publisher: Publisher, say: Callable[[str], object]
    ) -> None:
        self._rig = rig
        self._ledger = ledger
        self._publisher = publisher
        self._say = say
        self.begun = time.monotonic()
        self.rows: dict[str, Row] = {}
        self.stuck: list[str] = []

    def break_things(self, faults: Iterable[tuple[Fault, ...]], share: int) -> None:
        """Inject each fault in the middle of its share of the traffic, and see that it passes."""
        done = 0
        for together in faults:
            end = (done + len(together)) * share
            self._publisher.allow(end - _KEPT_FOR_AFTERWARDS)
            self._await_sent(end - len(together) * share + share // 2)
            seconds = self._inject(together, end)
            for fault in together:
                self.rows.setdefault(fault.name, Row()).seconds.append(seconds)
            done += len(together)

    def finish(self, messages: int) -> dict[str, int]:
        """Let everything come to rest; return what is left in the source queues."""
        self._publisher.allow(messages)
        self._await_sent(messages)
        pause_until(lambda: not self._ledger.open(), timeout=_RECOVERY_SECONDS)
        self._say(f"{self._elapsed()}  all published, {len(self._ledger.open())} open")
        left: dict[str, int] = {}

        def empty() -> bool:
            depths = self._rig.broker.depths()
            left.update({n: c for n, c in depths.items() if n.startswith(source_queue(""))})
            return not any(left.values())

        pause_until(empty, timeout=_RECOVERY_SECONDS / 4, every=0.5)
        return left

    def _await_sent(self, count: int) -> None:
        if not pause_until(lambda: self._ledger.sent >= count, timeout=10 * _RECOVERY_SECONDS):
            raise AssertionError(f"the oracle could not publish {count} messages")

    def _inject(self, together: tuple[Fault, ...], end: int) -> float:
        """Return the seconds from the end of the fault until everything was caught up with."""
        name = " + ".join(fault.name for fault in together)
        for fault in together:
            fault.begin(self._rig)
        begun = time.monotonic()
        # the fault lasts
        time.sleep(max(self._rig.dice.uniform(*fault.lasts) for fault in together))
        lasted = time.monotonic() - begun
        fixed = time.monotonic()
        for fault in together:
            fault.end(self._rig)
        self._publisher.allow(end)
        if not pause_until(lambda: self._ledger.caught_up(fixed), timeout=_RECOVERY_SECONDS):
            self.stuck.append(name)
        seconds = time.monotonic() - fixed
        self._say(f"{self._elapsed()}  {name}, for {lasted:.1f} s: caught up after {seconds:.1f} s")
        return seconds

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self.begun:6.1f} s"


def _scorer(where: Path) -> Callable[[list[str]], list[Mapping[str, float]]]:
    from daemon.model.scorer import ToneModel  # noqa: PLC0415 - torch is slow to import

    model: Any = ToneModel.load(models.settings(where))

    def score(texts: list[str]) -> list[Mapping[str, float]]:
        return [each.scores for each in model.score(texts)]

    return score
