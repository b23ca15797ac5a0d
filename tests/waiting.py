"""Await what must come, up to a deadline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(
    holds: Callable[[], object],
    turn: Callable[[], object] = lambda: time.sleep(0.01),
    *,
    timeout: float = 30,
) -> None:
    """Take turns until something holds.

    Args:
        holds: What is awaited.
        turn: What brings it nearer, or a short pause.
        timeout: Seconds; generous, for the machine may be busy.

    Raises:
        AssertionError: It did not hold in time.
    """
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"awaited for {timeout:g} s in vain"
        turn()
