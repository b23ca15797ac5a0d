"""The values of one process's metrics: plain numbers, that a thread may count at full speed."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from connectors.messages import Score
from daemon.telemetry.metrics import BATCH_TEXTS, BATCH_TOKENS, SCORED, SCORING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.messages import Fault
    from daemon.telemetry.metrics import Labels, Metric


class Registry:
    """The values of one process; written by one thread, read by any.

    Attributes:
        fresh_until: Monotonic seconds after which gauges that do not last have no value: whatever
            kept them up has ended, or hangs.
    """

    def __init__(self) -> None:
        self.fresh_until = float("inf")
        self.values: dict[Metric, dict[Labels, float]] = defaultdict(dict)
        self.histograms: dict[Metric, dict[Labels, Histogram]] = defaultdict(dict)

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        values = self.values[metric]
        values[labels] = values.get(labels, 0) + by

    def set(self, metric: Metric, *labels: str, to: float) -> None:
        self.values[metric][labels] = to

    def replace(self, metric: Metric, values: Mapping[Labels, float]) -> None:
        """Set all values of a gauge; those whose subject is gone vanish with it."""
        self.values[metric] = dict(values)

    def shown(self, metric: Metric) -> dict[Labels, float]:
        """Return the values of a counter or a gauge, as far as they can be believed now."""
        gone = metric.kind == "gauge" and not metric.lasts and time.monotonic() > self.fresh_until
        return {} if gone else dict(self.values.get(metric, {}))

    def histogram(self, metric: Metric, *labels: str) -> Histogram:
        found = self.histograms[metric].get(labels)
        if found is None:
            found = self.histograms[metric][labels] = Histogram(metric.buckets)
        return found

    def batch(self, model: str, outcomes: Sequence[Score | Fault], seconds: float) -> None:
        """Count what a worker made of a batch, and the seconds that its model took."""
        scored = [each for each in outcomes if isinstance(each, Score)]
        self.count(SCORED, model, by=len(scored))
        self.count(BATCH_TOKENS, model, by=sum(each.tokens for each in scored))
        self.histogram(BATCH_TEXTS, model).observe(len(outcomes))
        self.histogram(SCORING, model).observe(seconds)

    def total(self, metric: Metric) -> float:
        """Sum a counter over all its labels."""
        return sum(list(self.values[metric].values()))

    def by(self, metric: Metric, label: str) -> dict[str, int]:
        """Sum a counter for each value of one of its labels."""
        place = metric.labels.index(label)
        sums: Counter[str] = Counter()
        for labels, value in list(self.values[metric].items()):
            sums[labels[place]] += int(value)
        return dict(sums)


class Histogram:
    """Counts between bounds.

    Attributes:
        counts: Observations up to each bound and above the one before; the last are beyond all.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
