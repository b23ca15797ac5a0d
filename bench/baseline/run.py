"""Start the old way, and ask it."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from daemon.settings import DEFAULT_MODEL

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
    started = [
        subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, "-m", *command], env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for command in (worker, server)
    ]  # fmt: skip
    url = f"http://127.0.0.1:{_PORT}/api/predict/"
    try:
        with httpx.Client(timeout=60, limits=httpx.Limits(max_connections=_CLIENTS)) as client:
            _await(client, url)

            def ask(texts: Sequence[str]) -> float:
                def one(text: str) -> None:
                    client.post(url, json={"text": text}).raise_for_status()

                begun = time.perf_counter()
                with ThreadPoolExecutor(_CLIENTS) as clients:
                    list(clients.map(one, texts))
                return len(texts) / (time.perf_counter() - begun)

            yield ask
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def _await(client: httpx.Client, url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            client.post(url, json={"text": "warm up"}).raise_for_status()
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return
