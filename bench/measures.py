"""The measurements: each takes a world, and gives numbers."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING

import msgspec

from bench import corpus
from bench.cost import rss, spent
from bench.processes import race
from bench.world import CONNECTOR, DAEMON, EXCHANGE
from connectors.amqp import topology
from connectors.amqp.publisher import Sink
from connectors.messages import OutgoingMessage, ToneEvent
from daemon import settings
from daemon.cli.tail import listen
from daemon.process import wiring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.world import World

WORKERS = 2
PREFETCH = wiring.prefetch(settings.load({}))
"""What a daemon has by default."""
EVENT_BYTES = 640
"""Size of a tone event for a text of the corpus."""
KNOWN = 100
"""Texts that repeats are drawn from."""


class Run(msgspec.Struct, frozen=True):
    """A run of the whole system.

    Attributes:
        pace: Events a second.
        cost: What it used, by name.
        daemon_rss: MB of memory that the daemon holds at the end.
    """

    pace: float
    cost: dict[str, float]
    daemon_rss: float


def model_limit(environment: dict[str, str], seconds: float, seed: int) -> float:
    """Texts a second of bare scoring loops, as many processes as there are workers."""
    command = [sys.executable, "-m", "bench.model_limit", str(seconds)]
    return sum(
        map(float, race([[*command, str(seed + each)] for each in range(WORKERS)], environment))
    )


def relay(world: World, messages: int, module: str = "bench.relay") -> float:
    """Messages a second of a bare relay: the limit, or a peer's."""
    world.load(corpus.texts(KNOWN, seed=0) * (messages // KNOWN))
    with world.running(relaying(world, module)):
        pace = world.pace(messages)
    world.purge()
    return pace


def relaying(world: World, module: str = "bench.relay") -> str:
    """The command of a relay, as `World.running` takes it."""
    queue = topology.source_queue(CONNECTOR)
    return f"{module} {world.broker_url} {queue} {topology.RESULTS} {PREFETCH} {EVENT_BYTES}"


def through(world: World, texts: Sequence[str], workers: Sequence[int] = ()) -> Run:
    """Publish texts, then let a daemon take them, and workers that run: speed and cost."""
    world.load(texts)
    with world.running(DAEMON) as (daemon,):
        roles = {"daemon": [daemon.pid], "worker": workers}
        before = spent(roles)
        pace = world.pace(len(texts))
        cost = spent(roles).since(before, len(texts))
        held = rss(daemon.pid) / 1e6
    world.purge()
    return Run(pace, cost, held)


def mixed(count: int, share: float, seed: int) -> list[str]:
    """Texts of which a share was scored before: repeats of the first hundred of seed 0."""
    known, new = corpus.texts(KNOWN, seed=0), iter(corpus.texts(count, seed))
    dice = random.Random(seed)  # noqa: S311 - no secret is made
    return [dice.choice(known) if dice.random() < share else next(new) for _ in range(count)]


def single_forward(environment: dict[str, str], rest: float = 0.0) -> float:
    """Seconds of one text's forward in an idle process that sleeps `rest` seconds before each."""
    code = (
        "import time, statistics as s; from daemon import settings; from bench import corpus\n"
        "from daemon.model.tone_model import ToneModel\n"
        "m = ToneModel.load(settings.load().models[0], measure=True); m.warm_up(); d = []\n"
        "for t in corpus.texts(100, 3):\n"
        f"    time.sleep({rest})\n"
        "    b = time.perf_counter(); m.score([t]); d.append(time.perf_counter() - b)\n"
        "print(s.median(d))"
    )
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], env=environment, text=True, check=True, capture_output=True
    )
    return float(ran.stdout.splitlines()[-1])


def latencies(world: World, rate: float, seconds: float, seed: int) -> list[float]:
    """Seconds from publish to event, at open-loop arrivals of a rate; a worker and daemon run."""
    texts = corpus.texts(max(20, int(rate * seconds)), seed)
    dice = random.Random(seed)  # noqa: S311 - no secret is made
    sent: dict[str, float] = {}
    taken: list[float] = []

    def note(body: bytes) -> None:
        event = msgspec.json.decode(body, type=ToneEvent)
        if event.subject in sent:
            taken.append(time.perf_counter() - sent.pop(event.subject))

    with closing(world.connected()) as broker:
        sink: Sink[None] = Sink(broker)
        listen(broker, note)
        due = time.perf_counter()
        for number, text in enumerate(texts):
            due += dice.expovariate(rate)
            while (left := due - time.perf_counter()) > 0:
                broker.wait(left)
            message_id = f"latency-{seed}-{rate:.3f}-{number}"
            # counted from when it was due, or a slow system would hide its own queue
            sent[message_id] = due
            body = msgspec.json.encode({"id": message_id, "text": text})
            properties = {"content_type": "application/json"}
            sink.publish(OutgoingMessage(EXCHANGE, "bench", body, properties), None)
            broker.wait(0)
            sink.outcomes()
        end = time.perf_counter() + 60
        while sent and time.perf_counter() < end:
            broker.wait(0.5)
    world.purge()
    return taken


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return median(ordered), ordered[round(0.95 * last)], ordered[round(0.99 * last)]
