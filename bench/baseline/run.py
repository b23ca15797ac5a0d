"""Start the old way, and ask it."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import httpx

from bench.processes import running
from daemon.settings import DEFAULT_MODEL
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.world import World

_PORT = 18099
_CLIENTS = 32
_PROCESSES = 2
_READY_SECONDS = 120.0


@contextmanager
def old_way(world: World) -> Iterator[Callable[[Sequence[str]], float]]:
    """Run it until the block ends.

    Yields:
        A function that has texts scored by 32 clients at once, and returns texts a second.
    """
    environment = world.environment | {"BENCH_MODEL": str(DEFAULT_MODEL)}
    worker = [
        "celery", "-A", "bench.baseline.tasks", "worker", "--pool", "prefork",
        "--concurrency", str(_PROCESSES), "--loglevel", "ERROR",
    ]  # fmt: skip
    server = ["uvicorn", "bench.baseline.app:app", "--port", str(_PORT), "--log-level", "error"]
    url = f"http://127.0.0.1:{_PORT}/api/predict/"
    limits = httpx.Limits(max_connections=_CLIENTS)
    with (
        running([sys.executable, "-m", *worker], environment),
        running([sys.executable, "-m", *server], environment),
        httpx.Client(timeout=60, limits=limits) as client,
    ):

        def one(text: str) -> None:
            client.post(url, json={"text": text}).raise_for_status()

        def ask(texts: Sequence[str]) -> float:
            begun = time.perf_counter()
            with ThreadPoolExecutor(_CLIENTS) as clients:
                list(clients.map(one, texts))
            return len(texts) / (time.perf_counter() - begun)

        def answers() -> bool:
            with suppress(httpx.HTTPError):
                one("warm up")
                return True
            return False

        until(answers, timeout=_READY_SECONDS)
        yield ask
