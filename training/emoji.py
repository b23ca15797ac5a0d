"""Sprinkle emoji over training texts, since the labelled tweets had theirs stripped.

The shares are our rough estimate of how often a text with the emoji is negative, neutral or
positive; they only have to be right in direction. Each tone gets emoji equally often, so that
having one at all says nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from training.data import Row

_BEFORE: Final = 0.1  # the rest stand behind the text

# emoji: how common, then negative, neutral and positive in a hundred
_EMOJI: Final = {
    "😂": (30, 32, 34, 34),
    "🤣": (8, 28, 32, 40),
    "😭": (12, 46, 24, 30),
    "❤️": (14, 4, 16, 80),
    "😍": (12, 3, 10, 87),
    "😊": (9, 4, 16, 80),
    "😘": (6, 4, 14, 82),
    "🙏": (6, 10, 26, 64),
    "👏": (5, 8, 16, 76),
    "👍": (6, 8, 18, 74),
    "🔥": (6, 10, 40, 50),
    "🎉": (5, 2, 15, 83),
    "💕": (5, 3, 12, 85),
    "🥰": (3, 3, 8, 89),
    "🤗": (3, 4, 16, 80),
    "😁": (5, 10, 20, 70),
    "😀": (3, 8, 22, 70),
    "😉": (4, 10, 36, 54),
    "😎": (4, 6, 30, 64),
    "🙌": (5, 5, 17, 78),
    "💪": (4, 8, 26, 66),
    "✨": (3, 3, 27, 70),
    "👌": (4, 8, 22, 70),
    "💯": (4, 12, 30, 58),
    "🏆": (2, 4, 36, 60),
    "🙂": (3, 24, 36, 40),
    "😅": (4, 28, 38, 34),
    "😩": (6, 58, 20, 22),
    "😒": (6, 76, 16, 8),
    "🙄": (6, 72, 20, 8),
    "😡": (5, 88, 7, 5),
    "😠": (3, 86, 9, 5),
    "🤬": (2, 92, 5, 3),
    "😢": (5, 62, 20, 18),
    "😔": (4, 66, 20, 14),
    "😞": (3, 76, 15, 9),
    "😤": (3, 60, 20, 20),
    "😫": (3, 70, 16, 14),
    "💔": (4, 70, 18, 12),
    "😱": (3, 36, 32, 32),
    "💀": (4, 40, 38, 22),
    "🤦": (4, 78, 16, 6),
    "👎": (2, 86, 10, 4),
    "🤮": (2, 92, 5, 3),
    "💩": (2, 66, 22, 12),
    "😷": (2, 60, 28, 12),
    "🤷": (4, 36, 52, 12),
    "🤔": (7, 34, 56, 10),
    "👀": (5, 14, 64, 22),
    "😐": (2, 50, 44, 6),
    "🎶": (3, 4, 52, 44),
    "📷": (3, 3, 77, 20),
    "✅": (3, 5, 60, 35),
    "⚽": (2, 6, 66, 28),
    "☕": (2, 8, 50, 42),
    "🎄": (2, 5, 45, 50),
    "➡️": (2, 5, 80, 15),
    "📢": (2, 10, 76, 14),
    "⚠️": (2, 40, 56, 4),
    "❌": (2, 54, 40, 6),
}


def sprinkle(rows: Sequence[Row], share: float, rng: np.random.Generator) -> list[Row]:
    """The rows, `share` of them with one to three emoji (of one kind) before or behind."""
    marks = list(_EMOJI)
    table = np.array(list(_EMOJI.values()), dtype=float)
    chances = table[:, :1] * table[:, 1:]
    chances /= chances.sum(0)
    result = list(rows)
    for number in np.flatnonzero(rng.random(len(rows)) < share).tolist():
        row = rows[number]
        mark = marks[rng.choice(len(marks), p=chances[:, row.label])] * int(rng.integers(1, 4))
        text = f"{mark} {row.text}" if rng.random() < _BEFORE else f"{row.text} {mark}"
        result[number] = replace(row, text=text)
    return result
