"""How close Tonebus comes to the limits of model and broker, measured in the same run.

    python -m bench [--quick] [--json FILE] [--png FILE]

Every figure is the median of several rounds in which limits and system take turns, for the
machine may be noisy: read the ratios, not the absolute numbers.
"""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.table import Table

from bench import corpus, measures
from bench.baseline.run import old_way
from bench.world import DAEMON, WORKER, world

if TYPE_CHECKING:
    from bench.world import World

_SHARES = (0.5, 0.9, 0.99, 1.0)
_LOADS = (0.01, 0.3, 0.6, 0.9)


class Plan(msgspec.Struct, frozen=True):
    """How much of everything."""

    rounds: int
    limit_seconds: float
    distinct: int
    repeats: int
    shares: tuple[float, ...]
    old_texts: int
    loads: tuple[float, ...]
    latency_seconds: float


_QUICK = Plan(1, 5.0, 1000, 6000, (1.0,), 150, (0.01, 0.6), 8.0)
_FULL = Plan(3, 8.0, 3000, 20000, _SHARES, 400, _LOADS, 20.0)


@click.command()
@click.option("--quick", is_flag=True, help="One round of the main ratios, in three minutes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures.")
def main(*, quick: bool, json_path: Path | None) -> None:
    """Measure limits and system side by side, and print the ratios."""
    console = Console()
    console.print(_machine())
    plan = _QUICK if quick else _FULL
    figures: dict[str, list[float]] = defaultdict(list)
    with world() as made:
        for number in range(plan.rounds):
            console.print(f"round {number + 1} of {plan.rounds}")
            _throughput(made, plan, figures, seed=1000 * (number + 1))
        _old_way(plan, made, figures)
        distinct = median(figures["distinct texts/s"])
        figures["single forward ms"].append(1000 * measures.single_forward(made.environment))
        _latency(made, plan, figures, distinct)
    medians = {name: median(values) for name, values in figures.items()}
    console.print(_table(medians))
    if json_path:
        json_path.write_bytes(msgspec.json.format(msgspec.json.encode(medians)))


def _throughput(made: World, plan: Plan, figures: dict[str, list[float]], seed: int) -> None:
    model = measures.model_limit(made.environment, plan.limit_seconds, seed)
    figures["model limit texts/s"].append(model)
    distinct = measures.through(made, corpus.texts(plan.distinct, seed + 1))
    figures["distinct texts/s"].append(distinct.pace)
    figures["distinct / model limit"].append(distinct.pace / model)
    figures["distinct: worker CPU s per 1,000"].append(distinct.worker_cpu)
    figures["distinct: daemon CPU s per 1,000"].append(distinct.daemon_cpu)
    measures.through(made, corpus.texts(100, seed=0))
    relay = measures.relay_limit(made, plan.repeats)
    figures["relay limit messages/s"].append(relay)
    for share in plan.shares:
        count = plan.repeats if share == 1 else max(plan.distinct, int(plan.repeats * share / 4))
        cost = measures.through(made, measures.mixed(count, share, seed + int(share * 100)))
        mix = 1 / (share / relay + (1 - share) / model)
        name = f"{share:.0%} repeats"
        figures[f"{name}: messages/s"].append(cost.pace)
        figures[f"{name} / limit of the mix"].append(cost.pace / mix)
        if share == 1:
            figures["repeats: daemon CPU s per 1,000"].append(cost.daemon_cpu)
            figures["repeats: daemon RSS MB"].append(cost.daemon_rss)


def _old_way(plan: Plan, made: World, figures: dict[str, list[float]]) -> None:
    distinct = corpus.texts(plan.old_texts, seed=77)
    half = measures.mixed(plan.old_texts, 0.5, seed=78)
    repeats = corpus.texts(100, seed=0) * max(3, plan.old_texts // 100)
    with old_way(made) as ask:
        ask(repeats[:100])
        for name, ours, texts in (
            ("distinct", "distinct texts/s", distinct),
            ("50% repeats", "50% repeats: messages/s", half),
            ("repeats", "100% repeats: messages/s", repeats),
        ):
            old = ask(texts)
            figures[f"old way, {name} texts/s"].append(old)
            if ours in figures:
                figures[f"tonebus / old way, {name}"].append(median(figures[ours]) / old)


def _latency(made: World, plan: Plan, figures: dict[str, list[float]], distinct: float) -> None:
    with made.running(*[WORKER] * measures.WORKERS, DAEMON):
        for load in plan.loads:
            seconds = plan.latency_seconds * (3 if load < 0.1 else 1)  # noqa: PLR2004 - few arrive
            taken = measures.latencies(made, load * distinct, seconds, seed=int(load * 100))
            for name, value in zip(("p50", "p95", "p99"), measures.quantiles(taken), strict=True):
                figures[f"{name} ms at {load:.0%} load"].append(1000 * value)


def _machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "celery", "amqp"))
    machine = f"{os.cpu_count()} cores, {platform.machine()}"
    return f"{machine}, Python {platform.python_version()}, {versions}"


def _table(medians: dict[str, float]) -> Table:
    table = Table("measure", "median")
    for name, value in medians.items():
        table.add_row(name, f"{value:,.2f}" if value < 100 else f"{value:,.0f}")  # noqa: PLR2004 - readable
    return table


if __name__ == "__main__":
    main()
