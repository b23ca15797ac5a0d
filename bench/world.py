"""A world of its own for each measurement: servers' rooms, our processes, a loaded queue."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench import processes
from connectors.amqp import topology
from connectors.amqp.connection import Broker
from connectors.amqp.presence import backlog_by
from connectors.errors import TonebusError
from connectors.messages import OutgoingMessage
from daemon.cli.publish import send
from tests.rooms import empty_redis, own_redis, own_vhost

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

DAEMON, WORKER, API = "daemon.cli daemon", "daemon.cli worker", "daemon.cli api"
EXCHANGE = "sentiment.input"
CONNECTOR = "input"
_SINK = "bench.results"
_READY_SECONDS = 120.0
_POLL_SECONDS = 0.02


class World:
    """A virtual host, a Redis database, and the processes that were started in them."""

    def __init__(self, broker_url: str, redis_url: str) -> None:
        """Connect, and declare what a daemon would, with one queue for all results."""
        self.broker_url = broker_url
        self.environment = {
            **os.environ,
            "TONEBUS_BROKER_URL": broker_url,
            "TONEBUS_REDIS_URL": redis_url,
            "TONEBUS_LOG_FORMAT": "json",
            "OMP_NUM_THREADS": "1",
        }
        self.broker = self.connected()
        topology.apply(
            self.broker,
            topology.results(),
            topology.source(CONNECTOR, EXCHANGE, ("#",)),
            topology.Topology(
                queues=(topology.Queue(_SINK, {}),),
                bindings=(topology.Binding(topology.RESULTS, _SINK, "#"),),
            ),
        )
        self.channel = self.broker.channel()
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []

    def connected(self) -> Broker:
        """Connect once more: what listens there must not outlive its measurement."""
        # no heartbeat: nobody serves a connection while something else is measured
        broker = Broker(self.broker_url, name="tonebus bench", heartbeat=0, connect_timeout=5)
        broker.connect()
        return broker

    @contextmanager
    def running(self, *commands: str) -> Iterator[list[subprocess.Popen[bytes]]]:
        """Run `python -m COMMAND` for each, from when all are ready until the block ends."""
        with ExitStack() as stack:
            started = [stack.enter_context(self._process(command)) for command in commands]
            for process, log in started:
                _await_ready(process, log)
            self._running += started
            yield [process for process, _ in started]
            for each in started:
                self._running.remove(each)

    @contextmanager
    def _process(self, command: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
        with tempfile.TemporaryDirectory(prefix="tonebus-bench-") as folder:
            log = Path(folder) / "log"
            words = [sys.executable, "-m", *command.split()]
            with (
                log.open("wb") as output,
                processes.running(words, self.environment, output) as process,
            ):
                yield process, log

    def load(self, texts: Sequence[str]) -> None:
        """Publish messages, each with an id of its own, and wait for their confirms."""
        run = f"{time.time():.6f}"
        messages = (
            OutgoingMessage(
                EXCHANGE,
                "bench",
                msgspec.json.encode({"id": f"{run}-{number}", "text": text}),
                {"content_type": "application/json", "message_id": f"{run}-{number}"},
            )
            for number, text in enumerate(texts)
        )
        for _ in send(self.broker, messages):
            pass

    def finished(self) -> int:
        """Events that have come out so far."""
        return self._depth(_SINK)

    def backlog(self) -> int:
        """Messages that wait in the source queue."""
        return self._depth(topology.source_queue(CONNECTOR))

    def purge(self) -> None:
        """Forget events and messages, so that the next measurement counts its own."""
        for queue in (_SINK, topology.source_queue(CONNECTOR)):
            self.broker.attempt(self.channel.queue_purge, queue)

    def pace(self, expected: int, timeout: float = 600.0) -> float:
        """Return events a second between the first tenth of them and the last.

        Raises:
            TonebusError: They did not come, or one of the processes has ended.
        """
        deadline = time.monotonic() + timeout
        begun, done = 0.0, 0
        while (count := self.finished()) < expected:
            if not begun and count >= expected // 10:
                begun, done = time.perf_counter(), count
            if time.monotonic() > deadline:
                raise TonebusError(f"{count} of {expected} events came in {timeout:g} s")
            for process, log in self._running:
                if process.poll() is not None:
                    raise TonebusError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
            time.sleep(_POLL_SECONDS)
        return (expected - done) / (time.perf_counter() - begun)

    def _depth(self, queue: str) -> int:
        return backlog_by(self.broker, self.channel, queue).messages


@contextmanager
def world() -> Iterator[World]:
    """Make a world, and leave nothing of it behind."""
    with own_vhost() as broker_url, own_redis() as redis_url:
        made = World(broker_url, redis_url)
        try:
            yield made
        finally:
            made.broker.close()
            empty_redis(redis_url)


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while b'_ready"' not in log.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise TonebusError(log.read_text(encoding="utf-8", errors="replace")[-2000:])
        time.sleep(_POLL_SECONDS)
