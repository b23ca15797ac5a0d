"""What a deployment will do that nobody has yet: predicted, beside what was measured.

python -m bench.forecast                          # of 1 to 1,000 workers
python -m bench.forecast --measured bench.json    # from a run of `make bench`
python -m bench.forecast --workers 8 --daemons 2 --rate 1500 --repeats 0.4 [--forward-ms 0.2]

docs/scaling.md shows what it prints, and says what is left out.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from statistics import median
from typing import Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from bench.measures import quantiles
from bench.simulation import MESSAGES, Costs, Deployment, Simulation, pace

_LOAD: Final = 0.7
"""Share of what daemons and workers can do at most, so that a backlog can be worked off."""
_PLENTY: Final = 1_000_000


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    return table


def _compare(console: Console, costs: Costs, figures: dict[str, float]) -> None:
    """Print predictions beside a measured run on a host of two cores."""
    table = _table("Predicted and measured, all on two cores", "", "predicted", "measured")

    def row(name: str, predicted: float) -> None:
        table.add_row(name, f"{predicted:,.0f}", f"{figures[name]:,.0f}")

    for daemons in (1, 2, 4):
        deployment = Deployment(daemons=daemons, workers=2, repeats=1.0, cores=2)
        row(f"repeats, {daemons} daemons: messages/s", pace(deployment, costs))
    for workers in (1, 2, 4):
        row(
            f"distinct, {workers} workers: texts/s",
            pace(Deployment(daemons=1, workers=workers, cores=2), costs),
        )
    for load in (0.01, 0.3, 0.6):
        simulation = Simulation(Deployment(daemons=1, workers=2, cores=2), costs)
        found = quantiles(simulation.latencies(load * figures["distinct texts/s"], 60))
        for name, value in zip(("p50", "p95", "p99"), found, strict=True):
            row(f"{name} ms at {load:.0%} load", 1000 * value)
    console.print(table)


def _grow(console: Console, costs: Costs) -> None:
    """Print what 1 to 1,000 workers need of everything else, where each has its own core."""
    table = _table(
        f"At {_LOAD:.0%} of the workers' pace, half repeats, nothing shared",
        *("workers", "messages/s", "daemons", "RabbitMQ", "Redis", "p50 ms", "p99 ms"),
    )
    gpu = msgspec.structs.replace(costs, text=0.13e-3, batch=4e-3)
    for name, each, counts in (("CPU", costs, (1, 10, 100, 1000)), ("GPU", gpu, (1, 10, 100))):
        for workers in counts:
            wanted = Deployment(daemons=_PLENTY, workers=workers, repeats=0.5)
            rate = _LOAD * pace(wanted, each)
            busy = rate * (each.daemon + each.daemon_scored) / 2
            found = msgspec.structs.replace(wanted, daemons=max(2, ceil(busy / _LOAD)))
            taken = "-", "-"
            if rate < MESSAGES:
                p50, _, p99 = quantiles(Simulation(found, each).latencies(rate, 30))
                taken = f"{1000 * p50:.0f}", f"{1000 * p99:.0f}"
            rabbitmq = rate * (each.rabbitmq + each.rabbitmq_scored) / 2
            table.add_row(
                f"{workers:,} {name}", f"{rate:,.0f}", f"{found.daemons:,}",
                f"{rabbitmq:.1f}", f"{rate * each.redis:.1f}", *taken,
            )  # fmt: skip
    console.print(table)


@click.command()
@click.option("--measured", type=click.Path(exists=True, path_type=Path), help="bench.json")
@click.option("--workers", type=int, help="Simulate this deployment alone.")
@click.option("--daemons", default=1, show_default=True)
@click.option("--rate", default=100.0, help="Messages a second.", show_default=True)
@click.option("--repeats", default=0.0, help="Share of known scores.", show_default=True)
@click.option("--forward-ms", type=float, help="Of a text in a large batch.")
def main(
    *, measured: Path | None, workers: int | None, daemons: int, rate: float, repeats: float,
    forward_ms: float | None,
) -> None:  # fmt: skip
    """Predict, beside what was measured."""
    console = Console()
    rounds = msgspec.json.decode(measured.read_bytes())["rounds"] if measured else {}
    figures = {name: median(values) for name, values in rounds.items()}
    costs = Costs.measured(figures) if figures else Costs()
    if forward_ms:
        costs = msgspec.structs.replace(costs, text=forward_ms / 1000)
    if workers:
        deployment = Deployment(daemons=daemons, workers=workers, repeats=repeats)
        limit = pace(deployment, costs)
        console.print(f"at most {limit:,.0f} messages/s")
        if rate >= limit:
            raise SystemExit(f"{rate:g} messages/s are more than that: the backlog would grow")
        p50, p95, p99 = quantiles(Simulation(deployment, costs).latencies(rate, 60))
        console.print(f"ms: p50 {1000 * p50:.0f}, p95 {1000 * p95:.0f}, p99 {1000 * p99:.0f}")
        return
    if figures:
        _compare(console, costs, figures)
    _grow(console, costs)


if __name__ == "__main__":
    main()
