"""How `tonebus evaluate` shows its figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Column, Table

from daemon.evaluation.evaluation import FAULT, tone_of
from daemon.model.labels import ordered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from connectors.messages import Fault, Model, Score
    from daemon.evaluation.evaluation import Coverage, Kept, Report
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
                **({"coverage": run.coverage} if run.coverage else {}),
            }
            for run in runs
        ]
    }  # fmt: skip
    if len(runs) > 1:
        found["disagreements"] = list(disagreements(runs, examples))
    return found


def show(runs: list[Run], examples: Examples, console: Console) -> None:
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


def _table(*columns: Column | str) -> Table:
    return Table(*columns, box=box.SIMPLE, pad_edge=False)


def _figures(what: str, reports: dict[str, Report]) -> Table:
    columns = ("texts", "recall", "F1", "accuracy", "ECE", "texts/s", "tokens/s")
    numbers = (Column(each, justify="right", min_width=len(each)) for each in columns)
    table = _table(Column(what, overflow="fold"), *numbers)
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
    numbers = (Column(each, justify="right") for each in (*given, "recall", "precision", "F1"))
    table = _table(Column("right \\ given", no_wrap=True), *numbers)
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
    each_has = ("coverage", "accuracy")
    columns = ("unsure_below", *each_has, "unsure_margin", *each_has)
    table = _table(*(Column(each, justify="right") for each in columns))
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
    text_column = Column("text", no_wrap=True)
    table = _table("where", "right", escape(first), escape(second), text_column)
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
