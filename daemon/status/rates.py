"""Rates, shares and the tone mix, from totals that are read once a second. Pure: no clock here."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple

from daemon.status.snapshot import Minute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RATE_SECONDS = 10.0
_RECENT_SECONDS = 60.0
_MINUTES = 60


class _Reading(NamedTuple):
    at: float
    totals: Mapping[str, float]
    latency: Sequence[int]


class History:
    """What the last ten seconds, the last minute and the last hour were like."""

    def __init__(self) -> None:
        self._readings: deque[_Reading] = deque()
        self._tones: Counter[str] = Counter()
        self._minutes: deque[Minute] = deque(maxlen=_MINUTES)

    def read(
        self, now: float, epoch: float, *,
        totals: Mapping[str, float], tones: Mapping[str, int], latency: Sequence[int],
    ) -> None:  # fmt: skip
        """Add the totals of this moment, which only grow, with the counts of a histogram.

        `now` is in monotonic seconds, `epoch` in seconds since the epoch.
        """
        self._readings.append(_Reading(now, dict(totals), list(latency)))
        while len(self._readings) > 1 and self._readings[1].at <= now - _RECENT_SECONDS:
            self._readings.popleft()
        new = Counter(tones)
        self._add(int(epoch // 60) * 60, new - self._tones)
        self._tones = new

    def rate(self, name: str) -> float:
        """How much a total grew in each of the last ten seconds."""
        if not self._readings:
            return 0.0
        last = self._readings[-1]
        first = next(each for each in self._readings if each.at >= last.at - _RATE_SECONDS)
        elapsed = last.at - first.at
        grown = last.totals.get(name, 0) - first.totals.get(name, 0)
        return grown / elapsed if elapsed else 0.0

    def recent(self, name: str) -> float:
        """How much a total grew in the last minute."""
        if not self._readings:
            return 0.0
        first, last = self._readings[0], self._readings[-1]
        return last.totals.get(name, 0) - first.totals.get(name, 0)

    def recent_latency(self) -> list[int]:
        """The histogram of the last minute alone."""
        if not self._readings:
            return []
        first, last = self._readings[0].latency, self._readings[-1].latency
        return [after - before for before, after in zip(first, last, strict=True)]

    def minutes(self) -> list[Minute]:
        """The tone mix of each minute of the last hour in which there was an event."""
        return list(self._minutes)

    def _add(self, start: int, tones: Counter[str]) -> None:
        if not tones:
            return
        if self._minutes and self._minutes[-1].start == start:
            tones = tones + Counter(self._minutes.pop().tones)
        self._minutes.append(Minute(start, dict(tones)))
        while self._minutes[0].start <= start - 60 * _MINUTES:
            self._minutes.popleft()


def quantile(counts: Sequence[int], bounds: Sequence[float], share: float) -> float | None:
    """Return the value below which a share of the observations lie; None where there are none.

    Within its bucket a value is taken for evenly spread, as Prometheus does it.
    """
    total = sum(counts)
    if not total:
        return None
    wanted, seen = share * total, 0
    for place, count in enumerate(counts):
        if seen + count >= wanted and count:
            if place == len(bounds):
                return bounds[-1]
            low = bounds[place - 1] if place else 0.0
            return low + (bounds[place] - low) * (wanted - seen) / count
        seen += count
    return bounds[-1]
