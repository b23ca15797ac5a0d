"""`tonebus evaluate`: how good and how fast a model is on labelled texts."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from connectors.errors import Misconfigured
from connectors.text import without_surrogates
from daemon import settings as configuration
from daemon.cli import terminal
from daemon.evaluation import evaluation, figures, labelled
from daemon.evaluation import reports as reporting
from daemon.model import labels
from daemon.model.language import detect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.messages import Fault, Score
    from daemon.model.tone_model import ToneModel
    from daemon.settings import ModelSettings

_BATCH = 256
"""Texts between two steps of the progress bar: as many as a worker gets at once."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=terminal.EXISTING)
@click.option("--model", "name", metavar="NAME", help="A model of the settings; else the first.")
@click.option("--compare", "other", metavar="NAME", help="Another model, to be shown beside it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--coverage", "covered", is_flag=True,
    help="Show what unsure_below and unsure_margin would leave, and how much of it is right.",
)  # fmt: skip
@click.option(
    "--plot",
    metavar="OUT.png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw confusion and calibration; needs the extra `plot`.",
)
def evaluate(
    files: tuple[Path, ...], name: str | None, other: str | None, as_json: bool, covered: bool,
    plot: Path | None,
) -> None:  # fmt: skip
    """Score labelled texts and compare.

    FILE is .tsv (label and text, or source, label and text), .csv or .jsonl.

    Example: tonebus evaluate --json reviews.tsv
    """
    if plot:
        figures.require()
    settings = configuration.load()
    chosen = settings.model(name) if name else settings.models[0]
    tones = _tones(chosen)
    if other:
        _comparable(chosen, tones, settings.model(other))
    examples = {str(path): labelled.read(path, tones) for path in files}
    console = Console(stderr=True)
    runs = [
        _run(settings.model(each) if each else chosen, examples, console, covered=covered)
        for each in dict.fromkeys((name, other or name))
    ]
    if as_json:
        terminal.print_json(reporting.as_json(runs, examples))
    else:
        reporting.show(runs, examples, Console())
    if plot:
        for run in runs:
            path = plot if run is runs[0] else plot.with_stem(f"{plot.stem}-{run.model.name}")
            figures.draw(run.total, run.model.name, path, run.coverage)


def _tones(model: ModelSettings) -> tuple[str, ...]:
    """What its texts may be labelled; nothing where that is not known before it is loaded."""
    return labels.tones_of(model) if model.labels == labels.OWN else labels.TONES


def _comparable(model: ModelSettings, tones: tuple[str, ...], other: ModelSettings) -> None:
    others = _tones(other)
    if tones and others and set(tones) != set(others):
        raise Misconfigured(
            f"the labels of model {other.name!r} ({', '.join(others)}) are not those of model "
            f"{model.name!r} ({', '.join(tones)}): evaluate each by itself"
        )


def _run(
    chosen: ModelSettings, examples: dict[str, list[labelled.Example]], console: Console, *,
    covered: bool,
) -> reporting.Run:  # fmt: skip
    with console.status("Loading the model"):
        # torch is slow to import, and no other command may pay for it
        from daemon.model.tone_model import ToneModel  # noqa: PLC0415

        model = ToneModel.load(chosen)
        model.warm_up()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    results: dict[str, list[Score | Fault]] = {}
    reports: dict[str, evaluation.Report] = {}
    with bar:
        for file, rows in examples.items():
            task = bar.add_task(f"{model.identity.model.name} {Path(file).name}", total=len(rows))
            results[file], seconds = _score(
                model, [row.text for row in rows], partial(bar.advance, task)
            )
            reports[file] = evaluation.report([row.tone for row in rows], results[file], seconds)
    right = [row.tone for rows in examples.values() for row in rows]
    found = [result for each in results.values() for result in each]
    total = evaluation.report(right, found, sum(report.seconds for report in reports.values()))
    kept = evaluation.coverage(right, found) if covered else None
    texts = [row.text for rows in examples.values() for row in rows]
    spoken = _by_language(texts, right, found, total.seconds)
    return reporting.Run(model.identity.model, results, reports, total, kept, spoken)


def _by_language(
    texts: Sequence[str], right: Sequence[str], results: Sequence[Score | Fault], seconds: float
) -> dict[str, evaluation.Report]:
    """Report on the texts of each language, the most texts first; each took its share of time."""
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(detect(without_surrogates(text)).tag, []).append(place)
    return {
        tag: evaluation.report(
            [right[place] for place in found],
            [results[place] for place in found],
            seconds * len(found) / len(texts),
        )
        for tag, found in sorted(places.items(), key=lambda pair: -len(pair[1]))
    }


def _score(
    model: ToneModel, texts: Sequence[str], advance: Callable[[int], None]
) -> tuple[list[Score | Fault], float]:
    results: list[Score | Fault] = []
    begun = time.perf_counter()
    for start in range(0, len(texts), _BATCH):
        results += model.score(texts[start : start + _BATCH])
        advance(len(results) - start)
    return results, time.perf_counter() - begun
