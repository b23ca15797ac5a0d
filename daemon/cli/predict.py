"""`tonebus predict`: the tone of a few texts, without any server."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any

import click
import msgspec

from connectors.events.event import reason
from connectors.messages import Fault, Score
from connectors.text import clamped
from daemon import settings as configuration
from daemon.cli.local import LocalScorer
from daemon.evaluation.reports import printable
from daemon.pipeline.routing import routings_of_callers
from daemon.process import wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.pipeline.routing import Choice

_BATCH = 256


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]…")
@click.option("--model", "name", metavar="NAME", help="A model of the settings; else by language.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each text.")
def predict(texts: tuple[str, ...], name: str | None, as_json: bool) -> None:
    """Label each TEXT, or each line of the standard input where there is none.

    Example: tonebus predict "The new app is a joy to use."
    """
    settings = configuration.load()
    chosen = settings.model(name).name if name else ""
    routing = routings_of_callers(wiring.identities(settings), settings.usual_models)[chosen]
    scorer = LocalScorer(settings, routing)
    faults = 0
    for batch in _batches(texts):
        for text, choice, result in _scored(scorer, batch, settings.daemon.max_text_chars):
            faults += isinstance(result, Fault)
            click.echo(_json(text, choice, result) if as_json else _line(text, result))
    if faults:
        sys.exit(1)


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    if texts:
        yield texts
        return
    size = 1 if sys.stdin.isatty() else _BATCH
    lines = (line.decode(errors="replace").rstrip("\r\n") for line in sys.stdin.buffer)
    while batch := list(itertools.islice(lines, size)):
        yield batch


def _scored(
    scorer: LocalScorer, texts: Sequence[str], max_chars: int
) -> Iterator[tuple[str, Choice, Score | Fault]]:
    """Score as the daemon does: a text that is too long is cut."""
    clamps = [clamped(text, max_chars) for text in texts]
    scored = scorer.score([text for text, _ in clamps])
    for (text, cut), (choice, result) in zip(clamps, scored, strict=True):
        if cut and isinstance(result, Score):
            yield text, choice, msgspec.structs.replace(result, truncated=True)
        else:
            yield text, choice, result


def _json(text: str, choice: Choice, result: Score | Fault) -> bytes:
    found: dict[str, Any] = {"model": choice.model.identity.model}
    if isinstance(result, Fault):
        return msgspec.json.encode({"fault": result, **found})
    found["language"], found["language_confidence"] = choice.language[:2]
    found["reason"] = reason(result, text)
    top = max(result.scores.values(), default=None)
    return msgspec.json.encode(
        {"tone": result.tone, "score": top, **msgspec.to_builtins(result), **found}
    )


def _line(text: str, result: Score | Fault) -> str:
    if isinstance(result, Fault):
        return f"fault     {result.code}  {printable(text)}"
    top = max(result.scores.values(), default=1.0)
    return f"{result.tone:<9} {top:.3f}  {printable(text)}"
