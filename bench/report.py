"""What was measured, for a person and for a program: a table, a picture, JSON."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Target(NamedTuple):
    """What is good for a figure, what is better, and whether more is better."""

    reach: float
    beyond: float
    least: bool = True


TARGETS: Mapping[str, Target] = {
    "distinct / model limit": Target(0.85, 0.92),
    "100% repeats / limit of the mix": Target(0.65, 0.80),
    "tonebus / old way, distinct": Target(3.5, 4.5),
    "tonebus / old way, 50% repeats": Target(4.5, 6.0),
    "tonebus / old way, repeats": Target(15.0, 20.0),
    "repeats / FastStream's relay": Target(3.5, 5.0),
    "/predict, distinct / model limit": Target(0.80, 0.85),
    "/predict / infinity": Target(2.8, 3.3),
    "p50 at 1% load less a single forward, ms": Target(10.0, 5.0, least=False),
    "p99 at 60% load / single forward": Target(10.0, 5.0, least=False),
    "repeats: daemon RSS MB": Target(120.0, 90.0, least=False),
    "daemon RSS, longest backlog / shortest": Target(1.05, 1.0, least=False),
}
"""For two cores, by the name of the figure."""


def machine() -> str:
    """Return what this was measured on, in one line."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("torch", "transformers", "celery", "amqp", "redis")
    )
    load = os.getloadavg()[0]
    return (
        f"{cpu()}, {os.cpu_count()} cores, load {load:.1f} before; "
        f"Python {platform.python_version()}, {versions}; default settings"
    )


def table(medians: Mapping[str, float]) -> Table:
    """Return all figures, and what those with a target should reach."""
    made = Table("measure", box=box.SIMPLE, pad_edge=False)
    for column in ("median", "reach", "beyond"):
        made.add_column(column, justify="right")
    for name, value in medians.items():
        target = TARGETS.get(name)
        sign = "≥" if target and target.least else "≤"
        goals = (f"{sign} {target.reach:g}", f"{sign} {target.beyond:g}") if target else ("", "")
        made.add_row(name, shown(value), *goals)
    return made


def shown(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"  # noqa: PLR2004 - three digits


def write_json(path: Path, header: str, figures: Mapping[str, list[float]]) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"run": header, "rounds": figures})))


def draw(path: Path, header: str, medians: Mapping[str, float]) -> None:
    """Draw what was reached of each target, and the latencies; needs matplotlib."""
    import matplotlib as mpl  # noqa: PLC0415 - only needed for a picture

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the choice above

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
    figure.suptitle(header, fontsize=7)
    reached = [(name, medians[name], target) for name, target in TARGETS.items() if name in medians]
    shares = [
        value / target.reach if target.least else target.reach / max(value, 1e-9)
        for _, value, target in reached
    ]
    left.barh(
        [f"{name}: {shown(value)}" for name, value, _ in reached],
        [min(share, 3) for share in shares],
        color=["#2f7d5b" if share >= 1 else "#c2682f" for share in shares],
    )
    left.axvline(1, color="black", linewidth=1)
    left.invert_yaxis()
    left.set_xlabel("share of the target (up to 3)")
    loads = [name.removeprefix("p50 ms at ") for name in medians if name.startswith("p50 ms at ")]
    for quantile in ("p50", "p95", "p99"):
        right.plot(
            loads, [medians[f"{quantile} ms at {load}"] for load in loads], "o-", label=quantile
        )
    right.set_yscale("log")
    right.set_ylabel("publish to event, ms")
    right.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def cpu() -> str:
    """Return the processor's name."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - not a file of ours
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()
