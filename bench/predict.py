"""How close `/predict` comes to the model limit, and how fast it answers from the cache.

    python -m bench.predict [--seconds 30] [--connections 64] [--infinity DIRECTORY]

The model limit is measured in the same run, before and after: on a noisy machine read the share. So
is infinity's `/classify`, where its environment is named (see bench/peers/infinity.py).
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console

from bench import measures, report
from bench.callers import Answers
from bench.peers.infinity import infinity
from bench.world import API, WORKER, world
from tests.own.server import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.world import World

CONNECTIONS = 64
_REPEATED = 100
_LIMIT_SECONDS = 8.0
_WARM_SECONDS = 3.0
_LISTENING_SECONDS = 60.0


def predict(
    made: World, seconds: float, connections: int = CONNECTIONS, peer: Path | None = None
) -> dict[str, float]:
    """Return the figures of `/predict`: distinct texts beside the model limit, then repeats.

    Where `peer` is infinity's environment, that is measured as well.
    """
    limits = [measures.model_limit(made.environment, _LIMIT_SECONDS, seed=6000)]
    with _serving(made) as port:
        _call(port, connections, _WARM_SECONDS, seed=6100)
        distinct = _call(port, connections, seconds, seed=6200)
        _call(port, connections, _WARM_SECONDS, seed=6300, distinct=_REPEATED)
        repeats = _call(port, connections, seconds, seed=6300, distinct=_REPEATED)
    figures = _beside_infinity(peer, distinct, seconds, connections) if peer else {}
    limits.append(measures.model_limit(made.environment, _LIMIT_SECONDS, seed=6400))
    limit = sum(limits) / len(limits)
    return {
        "/predict: model limit texts/s": limit,
        "/predict, distinct / model limit": distinct.pace / limit,
        **_figures("distinct", distinct),
        **_figures("repeats", repeats),
        **figures,
    }


def _beside_infinity(
    peer: Path, ours: Answers, seconds: float, connections: int
) -> dict[str, float]:
    port = free_port()
    with infinity(peer, port):
        _await_listening(port)
        _call(port, connections, _WARM_SECONDS, seed=6500, server="infinity")
        theirs = _call(port, connections, seconds, seed=6600, server="infinity")
    return {
        "infinity's /classify: requests/s": theirs.pace,
        "infinity's /classify: errors": theirs.errors,
        "/predict / infinity": ours.pace / theirs.pace,
    }


def _figures(name: str, answers: Answers) -> dict[str, float]:
    return {
        f"/predict, {name}: requests/s": answers.pace,
        f"/predict, {name}: p50 ms": 1000 * answers.p50,
        f"/predict, {name}: p99 ms": 1000 * answers.p99,
        f"/predict, {name}: cached": answers.cached,
        f"/predict, {name}: errors": answers.errors,
    }


@contextmanager
def _serving(made: World) -> Iterator[int]:
    port = free_port()
    made.environment["TONEBUS_API_PORT"] = str(port)
    with made.running(*[WORKER] * measures.WORKERS, API):
        _await_listening(port)
        yield port


def _await_listening(port: int) -> None:
    def listens() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    until(listens, timeout=_LISTENING_SECONDS)


def _call(
    port: int, connections: int, seconds: float, seed: int, distinct: int = 0,
    server: str = "tonebus",
) -> Answers:  # fmt: skip
    arguments = map(str, (port, connections, seconds, seed, distinct, server))
    command = [sys.executable, "-m", "bench.callers", *arguments]
    ran = subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own command
    return msgspec.json.decode(ran.stdout, type=Answers)


@click.command()
@click.option("--seconds", default=30.0, show_default=True, help="Of each measurement.")
@click.option("--connections", default=CONNECTIONS, show_default=True)
@click.option("--infinity", "peer", type=click.Path(path_type=Path), help="Its environment.")
def main(seconds: float, connections: int, peer: Path | None) -> None:
    """Measure `/predict`, and print a table."""
    console = Console()
    before = os.getloadavg()[0]
    with world() as made:
        figures = predict(made, seconds, connections, peer)
    console.print(report.table(figures))
    console.print(f"load of the machine before: {before:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
