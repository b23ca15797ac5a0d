"""The first forwards: they fill the caches, and show how many tokens a forward should have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daemon.model.forward import Forward

_BUDGETS: Final = {
    "cpu": (512, 1024, 2048, 4096),
    "cuda": (4096, 8192, 16384, 32768, 65536),
}
_TEXT_TOKENS: Final = 32
_SECONDS: Final = 2.0
_WORTHWHILE: Final = 1.03
"""A larger budget has to be this much faster: it costs memory, and latency for callers."""


def best_budget(forward: Forward, max_tokens: int, device: str) -> int:
    """Measure forwards of growing size, for 2 s at most, on `cpu` or `cuda`.

    Returns:
        Padded tokens of the fastest forward per token; of nearly equal ones the smallest.
    """
    end = time.perf_counter() + _SECONDS
    length = min(_TEXT_TOKENS, max_tokens)
    best, pace = 0, 0.0
    for budget in _BUDGETS[device]:
        windows = [[forward.token] * length] * max(1, budget // length)
        forward(windows)
        fastest = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            forward(windows)
            fastest = min(fastest, time.perf_counter() - start)
            if time.perf_counter() > end:
                break
        if budget / fastest > pace * _WORTHWHILE:
            best, pace = budget, budget / fastest
        if time.perf_counter() + 8 * fastest > end:  # twice the size, four times
            break
    return best
