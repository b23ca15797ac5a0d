"""`tonebus predict`: the tone of a few texts, without any server."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import click
import msgspec

from connectors.mapping import is_blank
from connectors.messages import Fault, Model, Score
from connectors.text import clamped
from daemon import settings as configuration
from daemon.evaluation.reports import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daemon.model.scorer import ToneModel

_BATCH = 256


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]…")
@click.option("--model", "name", metavar="NAME", help="A model of the settings; else the first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each text.")
def predict(texts: tuple[str, ...], name: str | None, as_json: bool) -> None:
    """Label each TEXT, or each line of the standard input where there is none.

    Example: tonebus predict "The new app is a joy to use."
    """
    settings = configuration.load()
    chosen = settings.model(name) if name else settings.models[0]
    # torch is slow to import, and no other command may pay for it
    from daemon.model.scorer import ToneModel  # noqa: PLC0415

    model = ToneModel.load(chosen)
    faults = 0
    for batch in _batches(texts):
        for text, result in _scored(model, batch, settings.daemon.max_text_chars):
            faults += isinstance(result, Fault)
            click.echo(_json(result, model.identity.model) if as_json else _line(text, result))
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
    model: ToneModel, texts: Sequence[str], max_chars: int
) -> Iterator[tuple[str, Score | Fault]]:
    """Score as the daemon does: a blank text has no tone, and a text that is too long is cut."""
    clamps = [clamped(text, max_chars) for text in texts]
    scored = iter(model.score([text for text, _ in clamps if not is_blank(text)]))
    for text, cut in clamps:
        result = Score({}, 0) if is_blank(text) else next(scored)
        if cut and isinstance(result, Score):
            result = msgspec.structs.replace(result, truncated=True)
        yield text, result


def _json(result: Score | Fault, model: Model) -> bytes:
    if isinstance(result, Fault):
        return msgspec.json.encode({"fault": result, "model": model})
    top = max(result.scores.values(), default=None)
    return msgspec.json.encode(
        {"tone": result.tone, "score": top, **msgspec.to_builtins(result), "model": model}
    )


def _line(text: str, result: Score | Fault) -> str:
    if isinstance(result, Fault):
        return f"fault     {result.code}  {printable(text)}"
    top = max(result.scores.values(), default=1.0)
    return f"{result.tone:<9} {top:.3f}  {printable(text)}"
