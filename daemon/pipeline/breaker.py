"""If everything is bad, stop parking: then the deployment is wrong, not the messages."""

from __future__ import annotations

from collections import deque


class Breaker:
    """Trips when too large a share of the last messages was parked.

    Attributes:
        tripped: Whether to stop consuming, but for a single message now and then.
    """

    def __init__(self, *, window: int, share: float) -> None:
        """Set the terms.

        Args:
            window: How many of the last messages count; it never trips before so many came.
            share: Of them, the part that may be parked, in [0, 1].
        """
        self._last: deque[bool] = deque(maxlen=window)
        self._window = window
        self._share = share
        self._parked = 0
        self.tripped = False

    def note(self, *, parked: bool) -> None:
        """Take in what became of a message."""
        if len(self._last) == self._window:
            self._parked -= self._last[0]
        self._last.append(parked)
        self._parked += parked
        full = len(self._last) == self._window
        self.tripped = self.tripped or (full and self._parked > self._share * self._window)

    def reset(self) -> None:
        """Begin anew: a message came through."""
        self._last.clear()
        self._parked = 0
        self.tripped = False
