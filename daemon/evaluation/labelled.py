"""Labelled texts from files: TSV, CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, NoReturn

import msgspec

from connectors.errors import Misconfigured
from daemon.model import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    ToneOf = Callable[[str], str | None]
    """Gives the tone that a label means; None where it means none."""

_LABELS = ("label", "tone", "sentiment")
_COLUMNS = 2


class Example(msgspec.Struct, frozen=True):
    """A text with its right tone.

    Attributes:
        text: As the file has it.
        tone: Canonical, or one of the model's own labels.
        line: Where it stands in its file, from 1.
    """

    text: str
    tone: str
    line: int


def read(path: Path, tones: Sequence[str] = labels.TONES) -> list[Example]:
    """Read a file of labelled texts.

    `.tsv` has no quotes and no header: `source<TAB>label<TAB>text` or `label<TAB>text`. `.csv`
    has the same columns, or a header that names `text` and `label`. `.jsonl` has an object with
    `text` and `label` in each line. Labels are tones or their common names; where the tones of the
    model are not the canonical ones, just these, and where they are not known, any.

    Raises:
        Misconfigured: It cannot be read, is empty, or has a line without text or tone; the
            message has the line's number, never its text.
    """
    tone_of = _meaning(tones)
    readers = {".tsv": _tsv, ".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl}
    if (reader := readers.get(path.suffix.lower())) is None:
        raise Misconfigured(f"{path}: not one of {', '.join(readers)}: rename or convert it")
    try:
        examples = [_example(path, tone_of, tones, *row) for row in reader(path, tone_of)]
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misconfigured(f"{path}: not UTF-8: convert it") from None
    except csv.Error as error:
        raise Misconfigured(f"{path}: {error}") from None
    if not examples:
        raise Misconfigured(f"{path}: no labelled text in it")
    return examples


def _meaning(tones: Sequence[str]) -> ToneOf:
    if not tones:
        return str
    return labels.tone if set(tones) <= set(labels.TONES) else {each: each for each in tones}.get


def _example(
    path: Path, tone_of: ToneOf, tones: Sequence[str], line: int, label: object, text: object
) -> Example:
    tone = tone_of(label) if isinstance(label, str) else None
    if tone is None:
        _refuse(path, line, f"its label is none of {', '.join(tones)}")
    if not isinstance(text, str):
        _refuse(path, line, "no text")
    return Example(text, tone, line)


def _tsv(path: Path, tone_of: ToneOf) -> Iterator[tuple[int, object, object]]:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        rows = ((line, row.rstrip("\r\n").split("\t", 2)) for line, row in enumerate(file, 1))
        yield from _columns(path, tone_of, rows)


def _csv(path: Path, tone_of: ToneOf) -> Iterator[tuple[int, object, object]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        yield from _columns(path, tone_of, ((rows.line_num, row) for row in rows))


def _columns(
    path: Path, tone_of: ToneOf, rows: Iterator[tuple[int, Sequence[str]]]
) -> Iterator[tuple[int, object, object]]:
    """Find the two columns by a header, or by where the first row has a tone."""
    where: tuple[int, int] | None = None
    for line, row in rows:
        if not row or row == [""]:
            continue
        if where is None:
            header = [cell.strip().lower() for cell in row]
            named = [header.index(name) for name in _LABELS if name in header]
            if named and "text" in header:
                where = (named[0], header.index("text"))
                continue
            second = len(row) > _COLUMNS and tone_of(row[1]) is not None
            where = (1, 2) if second else (0, 1)
        if len(row) <= max(where):
            _refuse(path, line, f"{len(row)} columns, where the first line has more")
        # A tab in the text of a two-column file is the text's own.
        text = "\t".join(row[1:]) if where == (0, 1) and path.suffix == ".tsv" else row[where[1]]
        yield line, row[where[0]], text


def _jsonl(path: Path, _: ToneOf) -> Iterator[tuple[int, object, object]]:
    with path.open(encoding="utf-8-sig") as file:
        for line, row in enumerate(file, 1):
            if not row.strip():
                continue
            try:
                item = json.loads(row)
            except (ValueError, RecursionError):
                _refuse(path, line, "not JSON")
            if not isinstance(item, dict):
                _refuse(path, line, "no object")
            label = next((item[name] for name in _LABELS if name in item), None)
            yield line, label, item.get("text")


def _refuse(path: Path, line: int, reason: str) -> NoReturn:
    raise Misconfigured(f"{path}: line {line}: {reason}")
