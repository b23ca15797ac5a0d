"""Which word pieces of a multilingual vocabulary stay, since few languages use most of them."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from daemon.model.preprocessing import PREPROCESSORS
from training.data import PREPROCESSING, read_texts

_LINES = 10_000


def piece_counts(tokenizer: Tokenizer, files: Sequence[Path], size: int) -> npt.NDArray[np.int64]:
    """How often each piece occurs in the files' last columns, as written and preprocessed."""
    counts = np.zeros(size, dtype=np.int64)
    texts = read_texts(files)
    while lines := list(islice(texts, _LINES)):
        clean = [PREPROCESSORS[PREPROCESSING](line) for line in lines]
        for encoding in tokenizer.encode_batch_fast(lines + clean, add_special_tokens=False):
            np.add.at(counts, encoding.ids, 1)
    return counts


def select(
    pieces: Sequence[str],
    counts: npt.NDArray[np.int64],
    *,
    rarest: int,
    always: Sequence[str],
) -> npt.NDArray[np.int64]:
    """Ids of the pieces that stay, in their old order.

    Single characters stay where any kept piece has them, so that what is spelt in known letters
    never becomes `<unk>`.
    """
    kept = counts >= max(1, rarest)
    letters = {
        letter for piece, stays in zip(pieces, kept, strict=True) if stays for letter in piece
    }
    for number, piece in enumerate(pieces):
        bare = piece.removeprefix("▁")
        kept[number] |= piece in always or (len(bare) <= 1 and set(bare) <= letters)
    return np.flatnonzero(kept)
