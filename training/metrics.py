"""Figures for a set of scored texts."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]
_DRAWS: Final = 1000


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities along the last axis."""
    shifted = logits / temperature
    powers = np.exp(shifted - shifted.max(-1, keepdims=True))
    result: Floats = powers / powers.sum(-1, keepdims=True)
    return result


def confusion(labels: Ints, scores: Floats) -> Ints:
    """Counts [labelled, predicted]."""
    tones = scores.shape[1]
    counts = np.bincount(labels * tones + scores.argmax(1), minlength=tones * tones)
    return counts.reshape(tones, tones)


def report(labels: Ints, scores: Floats) -> dict[str, object]:
    """Accuracy, macro recall and macro F1 in percent, recall and precision per tone."""
    counts = confusion(labels, scores)
    right = counts.diagonal()
    recall = right / np.maximum(counts.sum(1), 1)
    precision = right / np.maximum(counts.sum(0), 1)
    f1 = 2 * recall * precision / np.maximum(recall + precision, 1e-9)
    return {
        "macro_recall": round(100 * float(recall.mean()), 2),
        "macro_f1": round(100 * float(f1.mean()), 2),
        "accuracy": round(100 * float(right.sum() / counts.sum()), 2),
        "recall": [round(100 * float(value), 1) for value in recall],
        "precision": [round(100 * float(value), 1) for value in precision],
    }


def macro_recall(labels: Ints, scores: Floats) -> float:
    """The mean recall, in percent, of the tones that the rows have."""
    counts = confusion(labels, scores)
    held = counts.sum(1) > 0
    return 100 * float((counts.diagonal()[held] / counts.sum(1)[held]).mean())


def recall_by_source(sources: Sequence[str], labels: Ints, scores: Floats) -> dict[str, object]:
    """Macro recall in percent of each source; nothing where there is one alone."""
    places: dict[str, list[int]] = {}
    for row, source in enumerate(sources):
        places.setdefault(source, []).append(row)
    found = {
        source: round(macro_recall(labels[rows], scores[rows]), 2)
        for source, rows in sorted(places.items())
    }
    mean = round(float(np.mean(list(found.values()))), 2)
    return {"by_source": found, "mean_of_sources": mean} if len(found) > 1 else {}


def calibration_error(labels: Ints, probabilities: Floats, bins: int = 15) -> float:
    """Expected calibration error of the winning tone's probability (Guo et al. 2017)."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=right - confidence)
    return float(np.abs(gaps).sum()) / len(labels)


def draws(
    figure: Callable[[Ints, Floats], float], labels: Ints, models: Sequence[Floats]
) -> Floats:
    """The figure [draws, models] of rows drawn with replacement, the same ones for each model."""
    rng = np.random.default_rng(0)
    result = np.zeros((_DRAWS, len(models)))
    for draw in range(_DRAWS):
        rows = rng.integers(len(labels), size=len(labels))
        result[draw] = [figure(labels[rows], scores[rows]) for scores in models]
    return result
