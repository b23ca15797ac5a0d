"""How close Tonebus comes to the limits of model and broker, measured in the same run.

    python -m bench [--quick] [--json FILE] [--png FILE] [--infinity DIRECTORY]

Every figure is the median of several rounds in which limits and system take turns, for the
machine may be noisy: read the ratios, not the absolute numbers.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console

from bench import corpus, growth, measures, report
from bench.baseline.run import old_way
from bench.predict import predict
from bench.world import DAEMON, WORKER, world

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.world import World

    Figures = dict[str, list[float]]


class Plan(msgspec.Struct, frozen=True):
    """How much of everything.

    Attributes:
        shares: Of repeats in the mixed runs.
        loads: Shares of the pace with distinct texts, for the latencies.
        daemons: How many, for the growth; as many workers.
        words: In each text, for the growth.
        backlogs: Messages, for the growth.
    """

    rounds: int
    limit_seconds: float
    distinct: int
    repeats: int
    shares: tuple[float, ...]
    old_texts: int
    loads: tuple[float, ...]
    latency_seconds: float
    predict_seconds: float
    daemons: tuple[int, ...] = ()
    words: tuple[int, ...] = ()
    backlogs: tuple[int, ...] = ()


_REST_SECONDS = 0.2
_QUICK = Plan(1, 5.0, 1000, 6000, (0.5, 1.0), 150, (0.01, 0.6), 8.0, 10.0)
_FULL = Plan(
    3, 8.0, 3000, 20000, (0.5, 0.9, 0.99, 1.0), 400, (0.01, 0.3, 0.6, 0.9), 20.0, 30.0,
    daemons=(1, 2, 4), words=(10, 100, 1000, 5000), backlogs=(10_000, 100_000, 1_000_000),
)  # fmt: skip


@click.command()
@click.option("--quick", is_flag=True, help="One round of the main ratios, in three minutes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures.")
@click.option("--png", "png_path", type=click.Path(path_type=Path), help="Draw the ratios.")
@click.option("--infinity", type=click.Path(path_type=Path), help="Its environment, to compare.")
def main(
    *, quick: bool, json_path: Path | None, png_path: Path | None, infinity: Path | None
) -> None:
    """Measure limits and system side by side, and print the ratios."""
    console = Console()
    header = report.machine()
    console.print(header)
    plan = _QUICK if quick else _FULL
    figures: Figures = defaultdict(list)
    with world() as made:
        with made.running(*[WORKER] * measures.WORKERS) as workers:
            pids = [worker.pid for worker in workers]
            measures.through(made, corpus.texts(measures.KNOWN, seed=0))
            for number in range(plan.rounds):
                console.print(f"throughput, round {number + 1} of {plan.rounds}")
                _throughput(made, plan, figures, pids, seed=1000 * (number + 1))
        console.print("the old way")
        _old_way(plan, made, figures)
        console.print("latency")
        _latency(made, plan, figures)
        console.print("/predict")
        for name, value in predict(made, plan.predict_seconds, peer=infinity).items():
            figures[name].append(value)
        if plan.daemons:
            console.print("growth")
            _growth(made, plan, figures)
    medians = {name: median(values) for name, values in figures.items()}
    console.print(report.table(medians))
    if json_path:
        report.write_json(json_path, header, figures)
    if png_path:
        report.draw(png_path, header, medians)


def _throughput(
    made: World, plan: Plan, figures: Figures, workers: Sequence[int], seed: int
) -> None:
    model = measures.model_limit(made.environment, plan.limit_seconds, seed)
    figures["model limit texts/s"].append(model)
    distinct = measures.through(made, corpus.texts(plan.distinct, seed + 1), workers)
    figures["distinct texts/s"].append(distinct.pace)
    figures["distinct / model limit"].append(distinct.pace / model)
    for name, value in distinct.cost.items():
        figures[f"distinct: {name}"].append(value)
    relay = measures.relay(made, plan.repeats)
    figures["relay limit messages/s"].append(relay)
    peer = measures.relay(made, plan.repeats // 5, "bench.peers.faststream_relay")
    figures["FastStream's relay messages/s"].append(peer)
    for share in plan.shares:
        # with few messages, the first tenth are repeats that wait for no worker
        count = plan.repeats
        if share < 1:
            count = min(int(plan.distinct / (1 - share)), 2 * plan.repeats)
        texts = measures.mixed(count, share, seed + int(share * 100))
        run = measures.through(made, texts, workers)
        mix = 1 / (share / relay + (1 - share) / model)
        name = f"{share:.0%} repeats"
        figures[f"{name}: messages/s"].append(run.pace)
        figures[f"{name} / limit of the mix"].append(run.pace / mix)
    figures["repeats / FastStream's relay"].append(run.pace / peer)
    for name, value in run.cost.items():
        figures[f"repeats: {name}"].append(value)
    figures["repeats: daemon RSS MB"].append(run.daemon_rss)


def _old_way(plan: Plan, made: World, figures: Figures) -> None:
    distinct = corpus.texts(plan.old_texts, seed=77)
    half = measures.mixed(plan.old_texts, 0.5, seed=78)
    repeats = corpus.texts(measures.KNOWN, seed=0) * max(3, plan.old_texts // measures.KNOWN)
    with old_way(made) as ask:
        ask(repeats[: measures.KNOWN])
        for name, ours, texts in (
            ("distinct", "distinct texts/s", distinct),
            ("50% repeats", "50% repeats: messages/s", half),
            ("repeats", "100% repeats: messages/s", repeats),
        ):
            old = ask(texts)
            figures[f"old way, {name}: texts/s"].append(old)
            figures[f"tonebus / old way, {name}"].append(median(figures[ours]) / old)


def _latency(made: World, plan: Plan, figures: Figures) -> None:
    pace = median(figures["distinct texts/s"])
    forward = 1000 * measures.single_forward(made.environment)
    figures["single forward ms"].append(forward)
    rested = 1000 * measures.single_forward(made.environment, _REST_SECONDS)
    figures["single forward after a rest of 0.2 s, ms"].append(rested)
    with made.running(*[WORKER] * measures.WORKERS, DAEMON):
        # the first texts after a start pay for connections
        measures.latencies(made, pace / 10, seconds=2, seed=999)
        for load in plan.loads:
            seconds = plan.latency_seconds * (3 if load < 0.1 else 1)  # noqa: PLR2004 - few arrive
            taken = measures.latencies(made, load * pace, seconds, seed=int(load * 100))
            for name, value in zip(("p50", "p95", "p99"), measures.quantiles(taken), strict=True):
                figures[f"{name} ms at {load:.0%} load"].append(1000 * value)
    idle, busy = figures["p50 ms at 1% load"][0], figures["p99 ms at 60% load"][0]
    figures["p50 at 1% load less a single forward, ms"].append(idle - forward)
    figures["p99 at 60% load / single forward"].append(busy / forward)


def _growth(made: World, plan: Plan, figures: Figures) -> None:
    backlogs = dict(growth.backlogs(made, plan.backlogs, seconds=5))
    for name, value in chain(
        backlogs.items(),
        growth.daemons(made, plan.daemons, plan.repeats),
        growth.workers(made, plan.daemons, plan.distinct),
        growth.lengths(made, plan.words, seconds=8),
    ):
        figures[name].append(value)
    shortest, *_, longest = backlogs.values()
    figures["daemon RSS, longest backlog / shortest"].append(longest / shortest)


if __name__ == "__main__":
    main()
