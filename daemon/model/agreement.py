"""Whether a faster form of a model gives the same scores as the exact one, and how much faster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import torch

from connectors.messages import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from daemon.model.forward import Forward

_ALONE = 32
"""Texts that are also scored alone."""
_BUDGETS = {"cpu": 512, "cuda": 16384}
_RUNS = 2

SAME_TONE = 0.99
DRIFT = 0.01
APART = 0.02


class Proof(msgspec.Struct, frozen=True):
    """How a faster form compares with the exact model.

    Attributes:
        drift: Mean difference of a tone's probability.
        apart: Largest difference of a tone's probability between a text alone and among others.
    """

    same_tone: float
    drift: float
    apart: float
    faster: float

    @property
    def agrees(self) -> bool:
        return self.same_tone >= SAME_TONE and self.drift <= DRIFT and self.apart <= APART

    def __str__(self) -> str:
        return (
            f"same tone {self.same_tone:.1%} (at least {SAME_TONE:.0%}), "
            f"mean drift {self.drift:.4f} (at most {DRIFT}), "
            f"alone and among others {self.apart:.4f} apart (at most {APART}), "
            f"{self.faster:.1f} times as fast"
        )


def compare(
    exact: Forward, quick: Forward, windows: Sequence[list[int]], runs: int = _RUNS
) -> Proof:
    """Compare two forms of a model on windows of token ids; the fastest of the runs counts."""
    with torch.inference_mode():
        # the first run compiles what the others take
        pairs = [(scores(exact, windows), scores(quick, windows)) for _ in range(runs)]
        (theirs, _), (ours, _) = pairs[-1]
        slow, fast = (min(seconds for _, seconds in column) for column in zip(*pairs, strict=True))
        alone = torch.tensor([_row(quick([window])[0]) for window in windows[:_ALONE]])
    return Proof(
        same_tone=(ours.argmax(dim=1) == theirs.argmax(dim=1)).float().mean().item(),
        drift=(ours - theirs).abs().mean().item(),
        apart=(ours[:_ALONE] - alone).abs().max().item(),
        faster=slow / fast,
    )


def scores(forward: Forward, windows: Sequence[list[int]]) -> tuple[Tensor, float]:
    """Return the tones' probabilities of each window, and the seconds that it took."""
    begun = time.perf_counter()
    rows = [_row(row) for row in forward.over(windows, _BUDGETS[forward.device.type])]
    return torch.tensor(rows), time.perf_counter() - begun


def _row(row: list[float] | Fault) -> list[float]:
    return [float("nan")] if isinstance(row, Fault) else row
