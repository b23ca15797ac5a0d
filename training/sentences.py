"""Texts without labels for a teacher to score, from reviews and from labelled rows.

`python -m training.sentences --reviews CSV... --rows TSV... --dev TSV... --out DIRECTORY` writes
`sentences.txt`, the sentences of the first column of CSV files, and `parts.txt`, what is left of
rows where they are cut at commas and conjunctions. Neither holds a text that a dev file has.
"""

import argparse
import csv
import html
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from training.data import Row, apart, read_tsv

_PARAGRAPH: Final = re.compile(r"<br\s*/?>")
_END: Final = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[\"'(A-Z0-9])")
_JOINT: Final = re.compile(
    r"\s+(?=(?:but|and|although|though|because|while|when|if|that|which|who|yet|with|so)\b)"
    r"|\s*(?:[,;:]|--|\.\.\.)\s+"
)
_WORDS: Final = range(3, 51)
_CHARACTERS: Final = 300
_KEPT: Final = 0.5
"""Share of the parts of several clauses that is kept."""


def sentences(review: str) -> Iterator[str]:
    """The sentences of a review in HTML, without those that are very short or long."""
    for paragraph in _PARAGRAPH.split(html.unescape(review)):
        for sentence in _END.split(paragraph.strip()):
            words = sentence.split()
            if len(words) in _WORDS and len(text := " ".join(words)) <= _CHARACTERS:
                yield text


def parts(text: str, rng: random.Random) -> Iterator[str]:
    """Runs of a text's clauses, all of one clause and some of several, but not the whole."""
    starts = [0, *(found.end() for found in _JOINT.finditer(text))]
    ends = [*(found.start() for found in _JOINT.finditer(text)), len(text)]
    for first, start in enumerate(starts):
        for last in range(first, len(ends)):
            whole = last - first == len(ends) - 1
            if whole or (last > first and rng.random() > _KEPT):
                continue
            words = text[start : ends[last]].strip(" .,;:-").split()
            if len(words) >= _WORDS.start:
                yield " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--reviews", type=Path, nargs="*", default=[], help="CSV files with a line of headings")
    add("--rows", type=Path, nargs="*", default=[], help="TSV files as for training.train")
    add("--dev", type=Path, nargs="+", required=True, help="TSV files whose texts are left out")
    add("--most", type=int, default=420_000, help="sentences, drawn at random")
    add("--seed", type=int, default=7)
    add("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rng = random.Random(args.seed)  # noqa: S311 - no secret is made
    dev = [row for path in args.dev for row in read_tsv(path)]
    whole = (
        each for path in args.reviews for review in _reviews(path) for each in sentences(review)
    )
    _write(args.out / "sentences.txt", whole, dev, rng, args.most)
    cut = (each for path in args.rows for row in read_tsv(path) for each in parts(row.text, rng))
    _write(args.out / "parts.txt", cut, dev, rng, args.most)


def _reviews(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        next(lines)
        for line in lines:
            yield line[0]


def _write(path: Path, texts: Iterable[str], dev: list[Row], rng: random.Random, most: int) -> None:
    kept = [row.text for row in apart([Row("", 0, text) for text in dict.fromkeys(texts)], dev)]
    rng.shuffle(kept)
    path.write_text("".join(f"{text}\n" for text in kept[:most]), encoding="utf-8")
    print(f"{path.name}: {min(len(kept), most)} of {len(kept)}", flush=True)


if __name__ == "__main__":
    main()
