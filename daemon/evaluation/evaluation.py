"""How good scores are, and what doubt would leave of them: pure arithmetic over right tones."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from connectors.events.doubt import UNSURE, Doubt
from connectors.messages import Score
from daemon.model.labels import ordered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.messages import Fault

BINS: Final = 15
_STEPS: Final = tuple(number / 20 for number in range(20))
FAULT: Final = "fault"
"""Stands among the given tones for a text that could not be scored; it is never right."""


class ToneReport(msgspec.Struct, frozen=True):
    """One tone's figures, in [0, 1], and how many texts have it."""

    precision: float
    recall: float
    f1: float
    texts: int


class Bin(msgspec.Struct, frozen=True):
    """Texts of about one score: that score's mean, and the share that was right."""

    score: float
    right: float
    texts: int


class Report(msgspec.Struct, frozen=True):
    """Figures of one model over one set of labelled texts.

    Attributes:
        faults: How many of them could not be scored; they count as wrong.
        macro_recall: Mean recall over the tones that the texts have; TweetEval's measure.
        macro_f1: Mean F1 likewise.
        calibration_error: Expected calibration error over 15 equal bins of the top score
            (Guo et al. 2017).
        confusion: Right tone → given tone → texts.
        bins: The reliability diagram, lowest score first, empty bins left out.
        seconds: Time to score, preprocessing and tokenising included.
    """

    texts: int
    faults: int
    truncated: int
    macro_recall: float
    macro_f1: float
    accuracy: float
    calibration_error: float
    tones: dict[str, ToneReport]
    confusion: dict[str, dict[str, int]]
    bins: tuple[Bin, ...]
    seconds: float
    texts_per_second: float
    tokens_per_second: float


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


def report(right: Sequence[str], results: Sequence[Score | Fault], seconds: float) -> Report:
    """Compare results with the right tones, text by text.

    Raises:
        ValueError: They differ in number, or there are none.
    """
    if not right:
        raise ValueError("nothing to report on")
    given = [tone_of(result) for result in results]
    pairs = Counter(zip(right, given, strict=True))
    tones = {tone: _tone_report(tone, pairs) for tone in ordered(set(right))}
    columns = [*ordered({*right, *given} - {FAULT}), FAULT]
    scores = [result for result in results if isinstance(result, Score)]
    bins = _bins(right, results)
    return Report(
        texts=len(right),
        faults=len(right) - len(scores),
        truncated=sum(score.truncated for score in scores),
        macro_recall=sum(tone.recall for tone in tones.values()) / len(tones),
        macro_f1=sum(tone.f1 for tone in tones.values()) / len(tones),
        accuracy=sum(pairs[tone, tone] for tone in tones) / len(right),
        calibration_error=sum(abs(each.score - each.right) * each.texts for each in bins)
        / max(1, len(scores)),
        tones=tones,
        confusion={
            tone: {other: pairs[tone, other] for other in columns if pairs[tone, other]}
            for tone in tones
        },
        bins=bins,
        seconds=seconds,
        texts_per_second=len(right) / seconds,
        tokens_per_second=sum(score.tokens for score in scores) / seconds,
    )


def tone_of(result: Score | Fault) -> str:
    return result.tone if isinstance(result, Score) else FAULT


def _tone_report(tone: str, pairs: Counter[tuple[str, str]]) -> ToneReport:
    hits = pairs[tone, tone]
    texts = sum(count for (right, _), count in pairs.items() if right == tone)
    given = sum(count for (_, other), count in pairs.items() if other == tone)
    return ToneReport(
        precision=hits / given if given else 0.0,
        recall=hits / texts,
        f1=2 * hits / (texts + given),
        texts=texts,
    )


def _bins(right: Sequence[str], results: Sequence[Score | Fault]) -> tuple[Bin, ...]:
    binned: dict[int, list[tuple[float, bool]]] = {}
    for tone, result in zip(right, results, strict=True):
        if isinstance(result, Score):
            top = max(result.scores.values(), default=0.0)
            binned.setdefault(min(int(top * BINS), BINS - 1), []).append((top, result.tone == tone))
    return tuple(
        Bin(
            score=sum(top for top, _ in texts) / len(texts),
            right=sum(hit for _, hit in texts) / len(texts),
            texts=len(texts),
        )
        for _, texts in sorted(binned.items())
    )


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
