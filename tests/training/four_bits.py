"""A tiny file of the format that training/e5_file.py reads, and the weights that are in it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN, LAYERS, HEADS, FEED_FORWARD, POSITIONS = 32, 2, 4, 64, 40
PIECES = {
    "<s>": 0.0,
    "<pad>": 0.0,
    "</s>": 0.0,
    "<unk>": 0.0,
    "▁": -2.0,
    "▁good": -3.0,
    "▁bad": -3.0,
    "▁gut": -4.0,
    "▁悪": -5.0,
    **dict.fromkeys("abdgotu悪", -8.0),
    "<mask>": 0.0,
}
_MATRICES = {"q": HIDDEN, "k": HIDDEN, "v": HIDDEN, "ao": HIDDEN, "fi": FEED_FORWARD}


def write(path: Path) -> dict[str, np.ndarray]:
    """Write the file; return each tensor as it must be read back."""
    tensors = _tensors()
    header = b"E5S1" + struct.pack("<I", 1)
    header += struct.pack("<7i", HIDDEN, LAYERS, HEADS, FEED_FORWARD, len(PIECES), POSITIONS, 2)
    header += struct.pack("<fi5i", 1e-12, 32, len(PIECES), 0, 2, 1, 3)
    blobs = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, blobs)])
    header += struct.pack("<Q", offsets[-1]) + offsets.astype("<u4").tobytes()
    header += np.array(list(PIECES.values()), "<f4").tobytes() + b"".join(blobs)
    header += struct.pack("<iI", 1, 5) + bytes(5)
    table = sum(2 + len(name) + 21 for name in tensors)
    start = len(header) + 4 + table
    entries, content, read_back = b"", b"", {}
    for name, value in tensors.items():
        packed = value.ndim == 2 and not name.startswith(("emb.pos", "emb.type"))
        data, read_back[name] = _packed(value) if packed else (value.tobytes(), value)
        entries += struct.pack("<H", len(name)) + name.encode()
        entries += struct.pack("<BIQQ", packed, value.size, start + len(content), len(data))
        content += data
    path.write_bytes(header + struct.pack("<i", len(tensors)) + entries + content)
    return read_back


def _tensors() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.2, shape).astype("<f4")

    # the word embeddings have spare rows beyond the pieces
    made = {"emb.word": random(len(PIECES) + 3, HIDDEN), "emb.pos": random(POSITIONS, HIDDEN)}
    made |= {"emb.type": random(2, HIDDEN), "emb.ln.w": random(HIDDEN), "emb.ln.b": random(HIDDEN)}
    for layer in range(LAYERS):
        for part, rows in _MATRICES.items():
            made[f"l{layer}.{part}.w"] = random(rows, HIDDEN)
            made[f"l{layer}.{part}.b"] = random(rows)
        made[f"l{layer}.fo.w"] = random(HIDDEN, FEED_FORWARD)
        made[f"l{layer}.fo.b"] = random(HIDDEN)
        for norm in ("aln", "oln"):
            made[f"l{layer}.{norm}.w"] = random(HIDDEN)
            made[f"l{layer}.{norm}.b"] = random(HIDDEN)
    return made


def _packed(value: np.ndarray) -> tuple[bytes, np.ndarray]:
    blocks = value.reshape(-1, 32)
    scales = (np.abs(blocks).max(1, keepdims=True) / 7).astype("<f2")
    whole = np.clip(np.rint(blocks / scales.astype("f4")), -8, 7)
    halves = (whole + 8).astype(np.uint8)
    pairs = halves[:, :16] | halves[:, 16:] << 4
    data = np.concatenate([scales.view(np.uint8), pairs], axis=1).tobytes()
    return data, (whole * scales.astype("f4")).reshape(value.shape).astype("f4")
