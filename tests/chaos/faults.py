"""What may go wrong, each with its beginning and its end."""

from __future__ import annotations

import random
import re
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pika

from tests.chaos.oracle import PARKED, RESULTS, pause_until
from tests.chaos.traffic import rubbish

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.chaos.ledger import Ledger
    from tests.chaos.proxy import Proxy
    from tests.chaos.supervisor import Supervised
    from tests.own.rabbitmq import OwnRabbit
    from tests.own.redis import OwnRedis
    from tests.own.server import Server

_PAIRS = 0.15
_RUBBISH = 200
_SERVER_SECONDS = 120.0
HEARTBEAT, FORWARD, CONSUMER_TIMEOUT, DELIVERY_LIMIT = 4, 9, 30, 5
"""Seconds between heartbeats, of a slow forward, and for which RabbitMQ lets a delivery be held;
how often RabbitMQ delivers a message again. All low: a run sees what takes days with the defaults.
"""
_OUTAGE = (CONSUMER_TIMEOUT * (DELIVERY_LIMIT + 0.2), CONSUMER_TIMEOUT * (DELIVERY_LIMIT + 0.5))
"""Seconds: were every time-out of it counted, what waits would be put away."""


@dataclass
class Rig:
    """All that can be broken.

    Attributes:
        link: Between the daemon and RabbitMQ.
        worker_link: Between the workers and RabbitMQ.
        dice: Decides which of several it hits.
        killed: How often each process was ended on purpose.
        full: While set, nobody takes parked messages away.
        slow: While this file is there, a forward takes longer than two heartbeats.
        ledger: Where it is written down what came of each message.
    """

    broker: OwnRabbit
    redis: OwnRedis
    daemon: Supervised
    workers: Sequence[Supervised]
    link: Proxy
    worker_link: Proxy
    scoring_queue: str
    dice: random.Random
    killed: dict[str, int]
    full: threading.Event
    slow: Path
    ledger: Ledger

    def end(self, process: Supervised, number: int = signal.SIGKILL) -> None:
        """End one of our processes, whose supervisor starts it again."""
        self.killed[process.name] = self.killed.get(process.name, 0) + 1
        process.signal(number)


def _nothing(_rig: Rig) -> None:
    pass


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: In the report.
        begin: Breaks something.
        end: Mends it, and returns when it is mended; nothing where a supervisor does.
        lasts: Seconds from one to the other, at least and at most.
        alone: Whether others cannot begin or end meanwhile.
    """

    name: str
    begin: Callable[[Rig], object]
    end: Callable[[Rig], object] = _nothing
    lasts: tuple[float, float] = (0.0, 0.0)
    alone: bool = False


def _kill_server(pick: Callable[[Rig], Server]) -> Callable[[Rig], None]:
    def begin(rig: Rig) -> None:
        pick(rig).kill()
        pick(rig).launch()

    return begin


def _await_server(pick: Callable[[Rig], Server]) -> Callable[[Rig], None]:
    def end(rig: Rig) -> None:
        assert pause_until(pick(rig).answers, timeout=_SERVER_SECONDS, every=0.1)

    return end


def _signal(pick: Callable[[Rig], Server | Supervised], number: int) -> Callable[[Rig], None]:
    return lambda rig: pick(rig).signal(number)


def _paused(name: str, pick: Callable[[Rig], Server | Supervised], longest: float) -> Fault:
    return Fault(
        f"SIGSTOP of {name}", _signal(pick, signal.SIGSTOP), _signal(pick, signal.SIGCONT),
        (1.0, longest),
    )  # fmt: skip


def _killed(name: str, pick: Callable[[Rig], Server]) -> Fault:
    return Fault(f"kill -9 of {name}", _kill_server(pick), _await_server(pick))


def _both_workers(rig: Rig) -> None:
    for worker in rig.workers:
        rig.end(worker)


def _ctl(*arguments: str) -> Callable[[Rig], None]:
    """Tell the broker something, again while another fault keeps it from listening."""

    def tell(rig: Rig) -> None:
        def told() -> bool:
            try:
                rig.broker.ctl(*arguments)
            except subprocess.CalledProcessError:
                return False
            return True

        assert pause_until(told, timeout=_SERVER_SECONDS, every=0.5)

    return tell


def _gone(*, gone: bool) -> Callable[[Rig], None]:
    """Take every worker away, or give them back."""

    def change(rig: Rig) -> None:
        for worker in rig.workers:
            worker.wanted = not gone
            if gone:
                rig.end(worker)

    return change


def _may_not_write(exchange: str) -> Callable[[Rig], None]:
    """Withdraw the right to write to an exchange."""

    def begin(rig: Rig) -> None:
        _ctl("set_permissions", "guest", ".*", rf"^(?!{re.escape(exchange)}$).*", ".*")(rig)
        # a channel remembers what it was allowed
        rig.link.reset()

    return begin


def _fill(rig: Rig) -> None:
    """Let the parked queue refuse what does not fit, and nobody empty it."""
    rig.full.set()
    _ctl("set_policy", "--apply-to", "queues", "full", f"^{PARKED}$", '{"max-length": 1}')(rig)


def _empty(rig: Rig) -> None:
    _ctl("clear_policy", "full")(rig)
    rig.full.clear()


def _send_rubbish(rig: Rig) -> None:
    """Have one upstream of three send nothing else."""
    with pika.BlockingConnection(pika.URLParameters(rig.broker.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        first = rig.ledger.sent
        for number in range(first, first + _RUBBISH):
            message = rubbish(number)
            rig.ledger.announce(message)
            properties = pika.BasicProperties(correlation_id=message.key, delivery_mode=2)
            channel.basic_publish(message.exchange, "", message.body, properties, mandatory=True)


_LEVEL = "set_vm_memory_high_watermark"
_RIGHTS_BACK = _ctl("set_permissions", "guest", ".*", ".*", ".*")


_KINDS = (
    Fault("kill -9 of the daemon", lambda rig: rig.end(rig.daemon)),
    Fault("kill -9 of a worker", lambda rig: rig.end(rig.dice.choice(rig.workers))),
    _killed("RabbitMQ", lambda rig: rig.broker),
    _killed("Redis", lambda rig: rig.redis),
    _paused("the daemon", lambda rig: rig.daemon, 12.0),
    Fault("memory alarm", _ctl(_LEVEL, "absolute", "1"), _ctl(_LEVEL, "0.4"), (1.0, 8.0)),
    Fault("purge of the scoring queue",
          lambda rig: _ctl("purge_queue", rig.scoring_queue)(rig)),
    Fault("network: black hole", lambda rig: rig.link.hold(), lambda rig: rig.link.release(),
          (1.0, 12.0)),
    Fault("network: reset", lambda rig: rig.link.reset()),
    Fault("network: half-open", lambda rig: rig.link.halve()),
    Fault("forwards longer than two heartbeats", lambda rig: rig.slow.touch(),
          lambda rig: rig.slow.unlink(), (10.0, 25.0)),
    Fault("no right to publish results", _may_not_write(RESULTS), _RIGHTS_BACK, (5.0, 20.0)),
    Fault("no right to park", _may_not_write(PARKED), _RIGHTS_BACK, (5.0, 20.0)),
    Fault("a full parked queue", _fill, _empty, (5.0, 20.0)),
    Fault("rubbish from one upstream of three", _send_rubbish, alone=True),
    # up to here the short form
    Fault("workers gone for longer than RabbitMQ waits", _gone(gone=True), _gone(gone=False),
          _OUTAGE),
    _paused("a worker", lambda rig: rig.workers[0], 12.0),
    _paused("RabbitMQ", lambda rig: rig.broker, 6.0),
    _paused("Redis", lambda rig: rig.redis, 4.0),
    Fault("network: 300 ms more", lambda rig: rig.link.delay(0.3), lambda rig: rig.link.delay(0),
          (2.0, 5.0)),
    Fault("network: one byte at a time", lambda rig: rig.link.slice(on=True),
          lambda rig: rig.link.slice(on=False), (2.0, 5.0)),
    Fault("kill -9 of both workers", _both_workers),
    Fault("SIGTERM of the daemon", lambda rig: rig.end(rig.daemon, signal.SIGTERM)),
    Fault("stop and start of RabbitMQ's application", _ctl("stop_app"),
          _ctl("start_app"), (0.0, 2.0), alone=True),
    Fault("workers' network: reset", lambda rig: rig.worker_link.reset()),
    Fault("workers' network: black hole", lambda rig: rig.worker_link.hold(),
          lambda rig: rig.worker_link.release(), (1.0, 12.0)),
    Fault("workers' network: half-open", lambda rig: rig.worker_link.halve()),
)  # fmt: skip
SHORT = 15
"""The kinds that the short form takes from, each at most once."""


def schedule(seed: int, count: int, only: str = "") -> Iterator[tuple[Fault, ...]]:
    """Yield what to break, so that every kind comes equally often; now and then two at once.

    Args:
        seed: The same seed, the same faults.
        count: How many; up to `SHORT` of them, the most telling kinds only.
        only: A part of the names of those to take; empty takes all.
    """
    dice = random.Random(seed)
    some = _KINDS if only or count > SHORT else _KINDS[:SHORT]
    kinds = [kind for kind in some if only in kind.name]
    hand: list[Fault] = []
    while count > 0:
        if len(hand) < 2:
            hand += dice.sample(kinds, len(kinds))
        first = hand.pop(0)
        may = count > 1 and len(kinds) > SHORT and hand[0] is not first
        pair = dice.random() < _PAIRS and may and not (first.alone or hand[0].alone)
        both = (first, hand.pop(0)) if pair else (first,)
        count -= len(both)
        yield both
