"""Labelled rows from TSV files, tokenised once and packed into batches of similar length."""

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from transformers import PreTrainedTokenizerBase

from daemon.model.preprocessing import PREPROCESSORS

LABELS: Final = ("negative", "neutral", "positive")
PREPROCESSING: Final = "social-2"
"""What a model is trained with, and then exported with, unless told otherwise."""
_NO_MATTER: Final = re.compile(r"@\w+|https?\S*|\b(?:rt|user)\b|[\W_]")


@dataclass(frozen=True)
class Row:
    """One labelled text.

    Attributes:
        source: Where it is from.
        label: An index into LABELS.
        text: As its writer wrote it.
        taught: The tones' probabilities that a teacher gave, in the order of LABELS, if one did.
    """

    source: str
    label: int
    text: str
    taught: tuple[float, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Right-padded ids [texts, longest], their lengths [texts] and the rows they came from."""

    ids: torch.Tensor
    lengths: torch.Tensor
    rows: torch.Tensor


def read_tsv(path: Path) -> list[Row]:
    """Rows of `source TAB label TAB text`; raises ValueError naming the line that is not one.

    In the place of the label there may be a teacher's probabilities, as `0.1,0.2,0.7`.
    """
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line:
            continue
        fields = line.split("\t", 2)
        try:
            source, label, text = fields
            if label in LABELS:
                rows.append(Row(source, LABELS.index(label), text))
            else:
                rows.append(_taught(source, label, text))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: expected source, tone, text with tabs") from error
    return rows


def _taught(source: str, label: str, text: str) -> Row:
    shares = tuple(float(share) for share in label.split(","))
    if len(shares) != len(LABELS):
        raise ValueError(label)
    return Row(source, shares.index(max(shares)), text, shares)


def read_texts(files: Iterable[Path]) -> Iterator[str]:
    """The texts of files: whole lines, or the last column of rows with tabs."""
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n").rpartition("\t")[2]


def load(files: Sequence[str], *, skip: Sequence[str] = ()) -> list[Row]:
    """Rows of several files, less those of skipped sources; FILE:3 gives a file's rows 3 times."""
    rows: list[Row] = []
    for file in files:
        name, _, times = file.partition(":")
        rows += [row for row in read_tsv(Path(name)) if row.source not in skip] * int(times or 1)
    return rows


def apart(rows: Sequence[Row], dev: Sequence[Row]) -> list[Row]:
    """The rows less those whose text a dev row has too, which would flatter its figures.

    Case, spaces, punctuation, names and links do not tell texts apart, since collections of one
    origin differ in them.
    """
    held = {_matter(row.text) for row in dev}
    return [row for row in rows if _matter(row.text) not in held]


def fold(text: str, folds: int) -> int:
    """Which of so many parts of the texts this one is in; texts that say the same are in one."""
    return zlib.crc32(_matter(text).encode()) % folds


def _matter(text: str) -> str:
    return _NO_MATTER.sub("", text.lower()) or text


def log_priors(rows: Sequence[Row], smoothing: float = 50.0) -> torch.Tensor:
    """Log share of each tone within each row's own source, [rows, tones].

    Sources were sampled differently, so each has its own balance of tones. Small sources are
    pulled towards the balance of all rows by `smoothing` imagined rows.
    """
    found = np.bincount([row.label for row in rows], minlength=len(LABELS))
    overall = (found + 1) / (found + 1).sum()  # a tone that no row has is rare, not impossible
    counts = Counter((row.source, row.label) for row in rows)
    shares = {}
    for source in {row.source for row in rows}:
        seen = np.array([counts[source, label] for label in range(len(LABELS))])
        blended = seen + smoothing * overall
        shares[source] = np.log(blended / blended.sum())
    return torch.tensor(np.stack([shares[row.source] for row in rows]), dtype=torch.float32)


def tokenise(
    texts: Iterable[str],
    tokenizer: PreTrainedTokenizerBase,
    *,
    preprocessing: str,
    max_tokens: int,
) -> list[list[int]]:
    """Token ids of each text after preprocessing, unpadded."""
    clean = [PREPROCESSORS[preprocessing](text) for text in texts]
    encoded = tokenizer(clean, truncation=True, max_length=max_tokens)
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def batches(
    tokens: Sequence[Sequence[int]],
    order: Sequence[int],
    *,
    token_budget: int,
    rng: np.random.Generator | None = None,
) -> Iterator[Batch]:
    """Pack the rows in `order` into batches of at most `token_budget` padded tokens.

    With `rng`, rows are sorted by length only within windows of 40 batches or so, and the batches
    are shuffled: little padding, yet each epoch mixes anew. Without it: one sort, for evaluation.
    """
    packed: list[list[int]] = []
    mean = max(1.0, float(np.mean([len(tokens[row]) for row in order])))
    window = len(order) if rng is None else int(40 * token_budget / mean)
    for start in range(0, len(order), window):
        group: list[int] = []
        for row in sorted(order[start : start + window], key=lambda row: len(tokens[row])):
            if group and len(tokens[row]) * (len(group) + 1) > token_budget:
                packed.append(group)
                group = []
            group.append(row)
        packed.append(group)
    if rng is not None:
        rng.shuffle(packed)
    for group in packed:
        lengths = [len(tokens[row]) for row in group]
        ids = np.zeros((len(group), max(lengths)), dtype=np.int64)
        for position, row in enumerate(group):
            ids[position, : lengths[position]] = tokens[row]
        yield Batch(torch.from_numpy(ids), torch.tensor(lengths), torch.tensor(group))
