"""How `tonebus evaluate` shows its figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from daemon.evaluation.evaluation import FAULT, tone_of
from daemon.model.labels import ordered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from connectors.messages import Fault, Model, Score
    from daemon.evaluation.coverage import Coverage, Kept
    from daemon.evaluation.evaluation import Report
    from daemon.evaluation.labelled import Example

    Examples = dict[str, list[Example]]

_SHOWN = 10
_EXCERPT = 32


@dataclass(frozen=True, slots=True)
class Run:
    """One model over all files: its results and reports by file, and the report over all.

    Attributes:
        coverage: What doubt would leave of all files, where that was asked for.
        languages: Reports over the texts of each language that was detected, the most texts first;
            `und` where none was.
    """

    model: Model
    results: dict[str, list[Score | Fault]]
    reports: dict[str, Report]
    total: Report
    coverage: Coverage | None = None
    languages: dict[str, Report] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A text that two models give different tones."""

    file: str
    line: int
    right: str
    first: str
    second: str


def disagreements(runs: list[Run], examples: Examples) -> Iterator[Disagreement]:
    """Yield where two runs differ, in the files' order."""
    first, second = runs
    for file, rows in examples.items():
        for row, one, other in zip(rows, first.results[file], second.results[file], strict=True):
            if tone_of(one) != tone_of(other):
                yield Disagreement(file, row.line, row.tone, tone_of(one), tone_of(other))


def as_json(runs: list[Run], examples: Examples) -> dict[str, Any]:
    """Everything that `show` shows, but no text."""
    found: dict[str, Any] = {
        "models": [
            {
                "model": run.model, "all": run.total, "files": run.reports,
                "languages": run.languages,
            }
            for run in runs
        ]
    }  # fmt: skip
    for run, told in zip(runs, found["models"], strict=True):
        if run.coverage:
            told["coverage"] = run.coverage
    if len(runs) > 1:
        found["disagreements"] = list(disagreements(runs, examples))
    return found


def show(runs: list[Run], examples: Examples, console: Console) -> None:
    """Print the figures as tables."""
    for run in runs:
        console.print(
            f"[bold]{escape(run.model.name)}[/] {run.model.revision} (recall and F1 are macro)",
            highlight=False,
        )
        files = {Path(file).name: report for file, report in run.reports.items()}
        if len(files) > 1:
            files["all"] = run.total
        console.print(_figures("file", files))
        if len(run.languages) > 1:
            console.print(_figures("language", run.languages))
        console.print(_tones(run))
        if run.coverage:
            console.print(_coverage(run.coverage))
    if len(runs) > 1:
        _show_disagreements(runs, examples, console)


def _figures(what: str, reports: dict[str, Report]) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column(what, overflow="fold")
    for column in (
        "texts", "recall", "F1", "accuracy", "ECE", "texts/s", "tokens/s"
    ):  # fmt: skip
        table.add_column(column, justify="right", min_width=len(column))
    for name, report in reports.items():
        table.add_row(
            escape(name),
            str(report.texts),
            f"{report.macro_recall:.4f}",
            f"{report.macro_f1:.4f}",
            f"{report.accuracy:.4f}",
            f"{report.calibration_error:.4f}",
            f"{report.texts_per_second:.0f}",
            f"{report.tokens_per_second:.0f}",
        )
    return table


def _tones(run: Run) -> Table:
    found = {tone for row in run.total.confusion.values() for tone in row}
    given = [*ordered(found - {FAULT}), *({FAULT} & found)]
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("right \\ given", no_wrap=True)
    for column in (*given, "recall", "precision", "F1"):
        table.add_column(column, justify="right")
    for tone, row in run.total.confusion.items():
        figures = run.total.tones[tone]
        table.add_row(
            tone,
            *(str(row.get(other, 0)) for other in given),
            f"{figures.recall:.3f}",
            f"{figures.precision:.3f}",
            f"{figures.f1:.3f}",
        )
    return table


def _coverage(found: Coverage) -> Table:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for setting in ("unsure_below", "unsure_margin"):
        table.add_column(setting, justify="right")
        table.add_column("coverage", justify="right")
        table.add_column("accuracy", justify="right")
    for pair in zip(found.unsure_below, found.unsure_margin, strict=True):
        table.add_row(*(cell for each in pair for cell in _cells(each)))
    return table


def _cells(kept: Kept) -> tuple[str, str, str]:
    accuracy = "" if kept.accuracy is None else f"{kept.accuracy:.4f}"
    return f"{kept.at:.2f}", f"{kept.coverage:.4f}", accuracy


def _show_disagreements(runs: list[Run], examples: Examples, console: Console) -> None:
    found = list(disagreements(runs, examples))
    texts = sum(map(len, examples.values()))
    first, second = (run.model.name for run in runs)
    console.print(
        f"Same tone for {1 - len(found) / texts:.2%} of {texts} texts; where they differ, "
        f"{escape(first)} is right {sum(each.first == each.right for each in found)} times and "
        f"{escape(second)} {sum(each.second == each.right for each in found)} times. The first:",
        highlight=False,
    )
    if not found:
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in ("where", "right", escape(first), escape(second)):
        table.add_column(column)
    table.add_column("text", no_wrap=True)
    for each in found[:_SHOWN]:
        text = next(row.text for row in examples[each.file] if row.line == each.line)
        table.add_row(
            escape(f"{Path(each.file).name}:{each.line}"),
            each.right,
            each.first,
            each.second,
            escape(printable(text, _EXCERPT)),
        )
    console.print(table)


def printable(text: str, width: int = 72) -> str:
    """The beginning of a text, on one line, without what could steer a terminal."""
    line = "".join(char if char.isprintable() else " " for char in text[:width])
    return line if len(text) <= width else f"{line[:-1]}…"
