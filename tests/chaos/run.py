"""One chaos run: servers, processes, traffic, faults, account."""

from __future__ import annotations

import random
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from connectors.amqp.topology import scoring_queue, source_queue
from tests import models
from tests.chaos.faults import (
    CONSUMER_TIMEOUT,
    DELIVERY_LIMIT,
    FORWARD,
    HEARTBEAT,
    Rig,
    schedule,
)
from tests.chaos.ledger import Ledger
from tests.chaos.oracle import Collector, Publisher, pause_until
from tests.chaos.proxy import Proxy
from tests.chaos.report import Report, Row
from tests.chaos.servers import own_servers
from tests.chaos.supervisor import Supervised
from tests.chaos.traffic import BAD, CALM, traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tests.chaos.faults import Fault
    from tests.chaos.traffic import Message
    from tests.own.rabbitmq import OwnRabbit
    from tests.own.redis import OwnRedis

_RECOVERY_SECONDS = 120.0
_KEPT_FOR_AFTERWARDS = 20
"""Messages that are held back until a fault has ended, to see that work goes on."""
_NEIGHBOUR, _NEIGHBOURS_SHARE = "neighbour", 10
_CONNECTORS = """
[[connectors]]
name = "calm"
exchange = "{calm}"
model = "{model}"

[[connectors]]
name = "bad"
exchange = "{bad}"
model = "{model}"
"""


@contextmanager
def rigged(directory: Path, broker: OwnRabbit, redis: OwnRedis, seed: int) -> Iterator[Rig]:
    """A daemon and two workers, supervised, behind proxies; all ready."""
    config = directory / "tonebus.toml"
    connectors = _CONNECTORS.format(model=models.NAME, calm=CALM, bad=BAD)
    config.write_text(models.toml(models.save(directory / "model")) + connectors, encoding="utf-8")
    slow = directory / "slow"
    limit = f'{{"delivery-limit": {DELIVERY_LIMIT}}}'
    broker.ctl("set_policy", "--apply-to", "queues", "limit", rf"^{source_queue('')}", limit)
    with ExitStack() as stack:

        def proxy() -> Proxy:
            made = Proxy(broker.port)
            stack.callback(made.close)
            return made

        def url(link: Proxy) -> str:
            return f"amqp://guest:guest@127.0.0.1:{link.port}/%2F"

        start = partial(_started, stack, directory, config, redis)
        link, worker_link = proxy(), proxy()
        daemon = start("daemon", "daemon.cli", "daemon", url=url(link))
        workers = [
            start(f"worker-{n}", "tests.chaos.slow_worker", url=url(worker_link),
                  SLOW_WHILE=str(slow), SLOW_SECONDS=str(FORWARD))
            for n in (1, 2)
        ]  # fmt: skip
        for each, event in ((daemon, "daemon_ready"), *((w, "worker_ready") for w in workers)):
            each.wait_for(event)
        yield Rig(
            broker=broker, redis=redis, daemon=daemon, workers=workers, link=link,
            worker_link=worker_link, scoring_queue=scoring_queue(models.NAME).name,
            dice=random.Random(seed), killed={}, full=threading.Event(), slow=slow, ledger=Ledger(),
        )  # fmt: skip


@contextmanager
def neighbour(
    directory: Path, broker: OwnRabbit, redis: OwnRedis, messages: Iterator[Message], rate: float
) -> Iterator[Ledger]:
    """A second deployment, in a virtual host of its own, on the same Redis.

    It works through some of the same messages, later: what the first deployment has marked as
    published is news here.
    """
    broker.ctl("add_vhost", _NEIGHBOUR)
    broker.ctl("set_permissions", "--vhost", _NEIGHBOUR, "guest", ".*", ".*", ".*")
    url = broker.url.removesuffix("%2F") + _NEIGHBOUR
    with ExitStack() as stack:
        start = partial(_started, stack, directory, directory / "tonebus.toml", redis, url=url)
        daemon = start("neighbour-daemon", "daemon.cli", "daemon")
        start("neighbour-worker", "daemon.cli", "worker")
        daemon.wait_for("daemon_ready")
        ledger = Ledger()
        publisher = Publisher(url, ledger, messages, rate=rate, seed=1)
        collector = Collector(url, ledger)
        collector.start()
        stack.callback(collector.close)
        publisher.start()
        stack.callback(publisher.close)
        publisher.allow(sys.maxsize)
        yield ledger


def _started(
    stack: ExitStack, directory: Path, config: Path, redis: OwnRedis, name: str, *module: str,
    url: str, **more: str,
) -> Supervised:  # fmt: skip
    env = {
        "TONEBUS_CONFIG": str(config),
        "TONEBUS_BROKER_URL": url,
        "TONEBUS_REDIS_URL": redis.url,
        # short, so that a run sees what takes minutes with the defaults
        "TONEBUS_BROKER_HEARTBEAT": str(HEARTBEAT),
        "TONEBUS_DAEMON_SCORE_TIMEOUT": str(FORWARD + 3),
        "TONEBUS_DAEMON_HOLD_SECONDS": "4",
    }
    made = Supervised(name, module, env | more, directory)
    stack.callback(made.close)
    return made


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
    waits = f"consumer_timeout = {CONSUMER_TIMEOUT * 1000}\n"
    # up to 4.2 channels look at it once a minute
    tick = "-rabbit channel_tick_interval 1000"
    near = messages // _NEIGHBOURS_SHARE
    with (
        own_servers(directory / "servers", config=waits, erlang=tick) as (broker, redis),
        rigged(directory, broker, redis, seed) as rig,
        neighbour(
            directory, broker, redis, traffic(seed, near), rate / _NEIGHBOURS_SHARE
        ) as others,
    ):
        ledger = rig.ledger
        publisher = Publisher(broker.url, ledger, traffic(seed, messages), rate=rate, seed=seed)
        collector = Collector(broker.url, ledger, rig.full)
        collector.start()
        publisher.start()
        trial = _Trial(rig, ledger, publisher, say)
        try:
            trial.break_things(schedule(seed, faults, only), messages // max(1, faults))
            left = trial.finish(messages)
            pause_until(
                lambda: others.sent >= near and not others.open(), timeout=_RECOVERY_SECONDS
            )
        finally:
            publisher.close()
            collector.close()
        score = _scorer(directory / "model")
        return Report(
            seed=seed,
            seconds=time.monotonic() - trial.begun,
            rows=trial.rows,
            account=ledger.account(score),
            neighbour=others.account(score),
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
            return not any(count for name, count in left.items() if name != source_queue("bad"))

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
    from daemon.model.tone_model import ToneModel  # noqa: PLC0415 - torch is slow to import

    model: Any = ToneModel.load(models.settings(where))

    def score(texts: list[str]) -> list[Mapping[str, float]]:
        return [each.scores for each in model.score(texts)]

    return score
