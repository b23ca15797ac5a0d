"""A process's metrics over HTTP, in Prometheus's format."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import structlog
from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

from daemon.status.release import RELEASE
from daemon.telemetry.metrics import BUILD, METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric as Family

    from daemon.telemetry.metrics import Metric
    from daemon.telemetry.registry import Meter

_log = structlog.get_logger(__name__)


class _Reader(Collector):
    def __init__(self, meter: Meter, refresh: Callable[[], None]) -> None:
        self._meter = meter
        self._refresh = refresh

    def collect(self) -> Iterator[Family]:
        self._refresh()
        for metric in METRICS:
            if metric.kind == "histogram":
                yield self._histogram(metric)
            else:
                yield self._values(metric)

    def _values(self, metric: Metric) -> Family:
        kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family = kind(metric.name, metric.meaning, labels=metric.labels)
        for labels, value in list(self._meter.values[metric].items()):
            family.add_metric(list(labels), value)
        return family

    def _histogram(self, metric: Metric) -> Family:
        family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        bounds = [*map(str, metric.buckets), "+Inf"]
        for labels, histogram in list(self._meter.histograms[metric].items()):
            counts = accumulate(list(histogram.counts))
            family.add_metric(
                list(labels), buckets=list(zip(bounds, counts, strict=True)),
                sum_value=histogram.sum,
            )  # fmt: skip
        return family


def registry(meter: Meter, refresh: Callable[[], None] = lambda: None) -> CollectorRegistry:
    """Return what Prometheus's client serves.

    Args:
        meter: The values.
        refresh: Called before each scrape, to set gauges that nobody keeps up otherwise.
    """
    meter.set(BUILD, RELEASE, to=1)
    found = CollectorRegistry(auto_describe=False)
    found.register(_Reader(meter, refresh))
    ProcessCollector(registry=found)
    return found


def text(served: CollectorRegistry) -> bytes:
    """Return all values in Prometheus's text format."""
    return generate_latest(served)


def serve(meter: Meter, host: str, port: int) -> None:
    """Serve the values from a thread of its own; port 0 serves nothing.

    A port that is taken is no reason to stop labelling: the log says so.
    """
    if not port:
        return
    try:
        start_http_server(port, host, registry=registry(meter))
    except OSError as error:
        _log.warning(
            "metrics_not_served", port=port, error=error.strerror,
            fix="give each process a port of its own: TONEBUS_METRICS_PORT",
        )  # fmt: skip
    else:
        _log.info("metrics_served", host=host, port=port)
