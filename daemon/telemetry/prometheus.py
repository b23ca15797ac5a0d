"""A process's metrics over HTTP, in Prometheus's format, and whether its loop goes on."""

from __future__ import annotations

import socket
import threading
from itertools import accumulate
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

import structlog
from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    make_wsgi_app,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from daemon.telemetry.metrics import BUILD, METRICS
from daemon.telemetry.release import RELEASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client.core import Metric as Family

    from daemon.telemetry.metrics import Metric
    from daemon.telemetry.registry import Registry

_FIX = (
    "give each process a port of its own, TONEBUS_METRICS_PORT, at an address of this machine, "
    "TONEBUS_METRICS_HOST"
)
_IDLE_SECONDS = 10
"""Seconds for which a client may send nothing: each one has a thread."""
_log = structlog.get_logger(__name__)


class _Reader(Collector):
    def __init__(self, registry: Registry, refresh: Callable[[], None]) -> None:
        self._registry = registry
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
        for labels, value in self._registry.shown(metric).items():
            family.add_metric(list(labels), value)
        return family

    def _histogram(self, metric: Metric) -> Family:
        family = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        bounds = [*map(str, metric.buckets), "+Inf"]
        for labels, histogram in list(self._registry.histograms[metric].items()):
            counts = accumulate(list(histogram.counts))
            family.add_metric(
                list(labels), buckets=list(zip(bounds, counts, strict=True)),
                sum_value=histogram.sum,
            )  # fmt: skip
        return family


def collectors(registry: Registry, refresh: Callable[[], None] = lambda: None) -> CollectorRegistry:
    """Return what Prometheus's client serves.

    `refresh` is called before each scrape, to set gauges that nobody keeps up otherwise.
    """
    registry.set(BUILD, RELEASE, to=1)
    found = CollectorRegistry(auto_describe=False)
    found.register(_Reader(registry, refresh))
    ProcessCollector(registry=found)
    return found


def serve(
    registry: Registry, host: str, port: int, *,
    healthy: Callable[[], bool] = lambda: True, ready: Callable[[], bool] = lambda: True,
) -> None:  # fmt: skip
    """Serve `/metrics` and the probes from a thread of its own; port 0 serves nothing.

    `/healthz` is 503 where the process's loop does not go on, `/readyz` where it cannot work yet,
    or not now. A port that is taken is no reason to stop labelling: the log says so.
    """
    if not port:
        return
    probes = {"/healthz": (healthy, "the loop has stopped"), "/readyz": (ready, "not ready")}
    kind = _ServerV6 if ":" in host else ThreadingWSGIServer
    try:
        server = make_server(host, port, _application(registry, probes), kind, _Quiet)
    except OSError as error:
        _log.warning(
            "metrics_not_served", host=host, port=port, error=error.strerror, fix=_FIX,
        )  # fmt: skip
        return
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    _log.info("metrics_served", host=host, port=port)


def _application(
    registry: Registry, probes: Mapping[str, tuple[Callable[[], bool], str]]
) -> WSGIApplication:
    metrics = make_wsgi_app(collectors(registry))

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # any other path is an error: a probe of a wrong one must not find a hung process healthy
        path = environ["PATH_INFO"].rstrip("/")
        if path in {"", "/metrics"}:
            return metrics(environ, start_response)  # type: ignore[no-any-return]
        if path not in probes:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"there are /metrics, /healthz and /readyz\n"]
        passes, otherwise = probes[path]
        well = passes()
        status = "200 OK" if well else "503 Service Unavailable"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [b"ok\n" if well else f"{otherwise}\n".encode()]

    return application


class _ServerV6(ThreadingWSGIServer):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = _IDLE_SECONDS

    def log_request(self, *_: object) -> None:
        """Log no request: a probe comes every few seconds."""
