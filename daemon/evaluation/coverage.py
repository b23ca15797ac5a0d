"""What `unsure_below` and `unsure_margin` would leave of labelled texts, and how much is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from connectors.events.doubt import UNSURE, Doubt
from connectors.messages import Score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.messages import Fault

_STEPS: Final = tuple(number / 20 for number in range(20))


class Kept(msgspec.Struct, frozen=True):
    """One value of a setting.

    Attributes:
        coverage: Share of the texts that keep a tone, in [0, 1]; a text without a score has none.
        accuracy: Share of those whose tone is right; None where no text keeps one.
    """

    at: float
    coverage: float
    accuracy: float | None


class Coverage(msgspec.Struct, frozen=True):
    """What each setting would do by itself, from no doubt to the most."""

    unsure_below: tuple[Kept, ...]
    unsure_margin: tuple[Kept, ...]


def coverage(right: Sequence[str], results: Sequence[Score | Fault]) -> Coverage:
    """Try every value, in steps of 0.05, on results and the right tones."""
    return Coverage(
        tuple(_kept(at, Doubt(below=at), right, results) for at in _STEPS),
        tuple(_kept(at, Doubt(margin=at), right, results) for at in _STEPS),
    )


def _kept(at: float, doubt: Doubt, right: Sequence[str], results: Sequence[Score | Fault]) -> Kept:
    hits = [
        given == tone
        for tone, result in zip(right, results, strict=True)
        if isinstance(result, Score) and (given := doubt.tone(result)) != UNSURE
    ]
    return Kept(at, len(hits) / len(right), sum(hits) / len(hits) if hits else None)
