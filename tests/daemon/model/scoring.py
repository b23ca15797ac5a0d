"""Texts to score, and how close two scores are."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from connectors.messages import Score
from tests.daemon.model import tiny

if TYPE_CHECKING:
    from daemon.model.tone_model import ToneModel

CLOSE = 1e-4


def texts(count: int, longest: int = 80, seed: int = 3) -> list[str]:
    dice = random.Random(seed)
    return [" ".join(dice.choices(tiny.WORDS, k=dice.randint(1, longest))) for _ in range(count)]


def scored(model: ToneModel, *items: str) -> list[Score]:
    results = model.score(items)
    assert all(isinstance(item, Score) for item in results), results
    return [item for item in results if isinstance(item, Score)]


def apart(one: Score, other: Score) -> float:
    return max(abs(one.scores[tone] - other.scores[tone]) for tone in one.scores)
