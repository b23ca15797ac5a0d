"""What happens with more of everything: daemons, workers, backlog, tokens in a text."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from bench import corpus, measures
from bench.cost import rss
from bench.world import DAEMON, WORKER

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Sequence

    from bench.world import World

_CHUNK = 100_000
_TOKENS_PER_SECOND = 6000


def daemons(world: World, counts: Sequence[int], messages: int) -> Iterator[tuple[str, float]]:
    """Yield messages a second of so many bare relays, then of so many daemons, all repeats."""
    texts = corpus.texts(measures.KNOWN, seed=0) * (messages // measures.KNOWN)
    for count in counts:
        pace = _together(world, measures.relaying(world), count, texts)
        yield f"relay limit, {count} relays: messages/s", pace
    with world.running(WORKER):
        measures.through(world, texts[: measures.KNOWN])
        for count in counts:
            pace = _together(world, DAEMON, count, texts)
            yield f"repeats, {count} daemons: messages/s", pace


def _together(world: World, command: str, count: int, texts: Sequence[str]) -> float:
    with world.running(*[command] * count) as started:
        # or those that are ready first would be done before the last one is
        _signal(started, signal.SIGSTOP)
        world.load(texts)
        _signal(started, signal.SIGCONT)
        pace = world.pace(len(texts))
    world.purge()
    return pace


def _signal(processes: Iterable[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)


def workers(world: World, counts: Sequence[int], texts: int) -> Iterator[tuple[str, float]]:
    """Yield texts a second of so many workers, no repeats."""
    for count in counts:
        with world.running(*[WORKER] * count):
            run = measures.through(world, corpus.texts(texts, seed=9000 + count))
            yield f"distinct, {count} workers: texts/s", run.pace


def lengths(world: World, words: Sequence[int], seconds: float) -> Iterator[tuple[str, float]]:
    """Yield texts a second at so many words in each; the model cuts what is beyond its length."""
    with world.running(*[WORKER] * measures.WORKERS):
        for count in words:
            # beyond its length the model reads no more
            number = int(seconds * _TOKENS_PER_SECOND / min(count + 3, 128))
            run = measures.through(world, corpus.texts_of(count, number, seed=count))
            yield f"texts of {count:,} words: texts/s", run.pace


def backlogs(world: World, sizes: Sequence[int], seconds: float) -> Iterator[tuple[str, float]]:
    """Yield the memory of a daemon that has so many messages before it, after some seconds."""
    known = corpus.texts(measures.KNOWN, seed=0)
    with world.running(WORKER):
        measures.through(world, known)
        for size in sizes:
            for done in range(0, size, _CHUNK):
                world.load(known * (min(_CHUNK, size - done) // measures.KNOWN))
            with world.running(DAEMON) as (daemon,):
                end = time.monotonic() + seconds
                while time.monotonic() < end and world.backlog():
                    time.sleep(0.1)
                yield f"backlog of {size:,}: daemon RSS MB", rss(daemon.pid) / 1e6
            world.purge()
