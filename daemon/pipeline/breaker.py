"""If everything is bad, stop parking: then the deployment is wrong, not the messages."""

from __future__ import annotations

from collections import deque

_ENOUGH = 50
"""Messages after which a share means something."""


class Breaker:
    """Trips when too large a share of the last messages was parked.

    There is one for each connector, for what cannot be mapped, and one for each model, for what
    cannot be scored.

    Attributes:
        tripped: Whether to stop consuming, except for a single message now and then.
    """

    def __init__(self, *, window: int, share: float) -> None:
        """Trip when more than a share, in [0, 1], of the last `window` messages was parked."""
        self._last: deque[bool] = deque(maxlen=window)
        self._share = share
        self._parked = 0
        self.tripped = False

    def record(self, *, parked: bool) -> None:
        if len(self._last) == self._last.maxlen:
            self._parked -= self._last[0]
        self._last.append(parked)
        self._parked += parked
        enough = min(_ENOUGH, self._last.maxlen or 0)
        if len(self._last) >= enough and self._parked > self._share * len(self._last):
            self.tripped = True

    def reset(self) -> None:
        """Start over: a message came through."""
        self._last.clear()
        self._parked = 0
        self.tripped = False
