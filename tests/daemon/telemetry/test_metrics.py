"""Every metric has one name, one meaning, and stands in the documents."""

from __future__ import annotations

import re
import socket
import time
import urllib.request
from types import SimpleNamespace
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from daemon.settings import ConnectorSettings
from daemon.telemetry import metrics, prometheus
from daemon.telemetry.metrics import METRICS, Metric
from daemon.telemetry.registry import Histogram, Registry
from tests.daemon.rooms import Room
from tests.own.server import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.model.tone_model import ToneModel


def scraped(registry: Registry) -> dict[str, float]:
    """All samples by name and labels, as Prometheus would read them."""
    text = generate_latest(prometheus.collectors(registry)).decode()
    return {
        f"{sample.name}{sample.labels or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_follows_the_conventions(metric: Metric) -> None:
    assert re.fullmatch(r"tonebus_[a-z_]+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert metric.meaning.endswith(".")
    assert list(metric.buckets) == sorted(set(metric.buckets))


def test_no_name_is_used_twice() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


def test_prometheus_reads_counters_gauges_and_histograms() -> None:
    registry = Registry()
    registry.count(metrics.EVENTS, "input", "positive", by=3)
    registry.set(metrics.IN_FLIGHT, to=7)
    for seconds in (0.0004, 0.04, 1000.0):
        registry.histogram(metrics.LATENCY).observe(seconds)
    found = scraped(registry)
    assert found["tonebus_events_total{'connector': 'input', 'tone': 'positive'}"] == 3
    assert found["tonebus_in_flight"] == 7
    assert found["tonebus_latency_seconds_bucket{'le': '0.001'}"] == 1
    assert found["tonebus_latency_seconds_bucket{'le': '300.0'}"] == 2
    assert found["tonebus_latency_seconds_bucket{'le': '+Inf'}"] == 3
    assert found["tonebus_latency_seconds_count"] == 3
    assert found["tonebus_latency_seconds_sum"] == pytest.approx(1000.0404)
    assert found["process_resident_memory_bytes"] > 0


def test_gauges_that_nobody_keeps_up_vanish_and_counters_stay() -> None:
    registry = Registry()
    registry.count(metrics.EVENTS, "input", "positive", by=3)
    registry.set(metrics.IN_FLIGHT, to=7)
    registry.set(metrics.REPORTED, to=1_700_000_000)
    registry.fresh_until = time.monotonic() - 1
    found = scraped(registry)
    assert "tonebus_in_flight" not in found
    assert found["tonebus_events_total{'connector': 'input', 'tone': 'positive'}"] == 3
    assert found["tonebus_last_report_timestamp_seconds"] == 1_700_000_000
    assert [name for name in found if name.startswith("tonebus_build_info")]


def test_a_value_on_a_bound_counts_below_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (1.0, 2.0, 2.1):
        histogram.observe(value)
    assert histogram.counts == [1, 1, 1]


def test_the_message_path_counts_what_becomes_of_each_message(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model)
    room.tell("good", id="m-1")
    room.settle()
    room.tell("good", id="m-1")
    room.tell("good", id="m-2")
    room.send("{broken", timestamp=1)
    room.settle()
    registry = room.service.registry
    assert registry.total(metrics.DELIVERIES) == 4
    assert registry.total(metrics.EVENTS) == 2
    assert registry.total(metrics.DUPLICATES) == 1
    assert registry.total(metrics.CACHED) == 1
    assert registry.total(metrics.SCORED) == 1
    assert registry.by(metrics.PARKED, "code") == {"json": 1}
    assert sum(registry.histogram(metrics.LATENCY).counts) == 3
    assert sum(registry.histogram(metrics.AGE).counts) == 1
    assert sum(registry.histogram(metrics.SCORING, "tiny").counts) == 1


def test_what_cleaning_removes_is_counted(model_directory: Path, tone_model: ToneModel) -> None:
    connector = ConnectorSettings(strip=("html", "quotes", "signature"))
    room = Room(model_directory, tone_model, connector)
    room.tell("good<p hidden>bad<p>Best regards,<p>Ann", id="m-1")
    room.tell("<p hidden>bad</p>", id="m-2")
    room.tell("good", id="m-3")
    room.settle()
    registry = room.service.registry
    removed = {"hidden": 2 * len("bad"), "signature": len("Best regards,Ann")}
    assert registry.by(metrics.REMOVED, "part") == removed
    assert registry.by(metrics.EMPTIED, "connector") == {"input": 1}


def test_no_metric_holds_a_text_or_an_id(model_directory: Path, tone_model: ToneModel) -> None:
    room = Room(model_directory, tone_model)
    room.tell("canary4711 was good", id="canary-id")
    room.settle()
    assert "canary" not in generate_latest(prometheus.collectors(room.service.registry)).decode()


def test_metrics_are_served_on_the_port() -> None:
    registry, port = Registry(), free_port()
    registry.count(metrics.DELIVERIES, "input")
    prometheus.serve(registry, "127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        assert b'tonebus_deliveries_total{connector="input"} 1.0' in reply.read()


@pytest.mark.parametrize(("passes", "status"), [(True, 200), (False, 503)])
def test_the_port_tells_each_probe_what_it_asks(*, passes: bool, status: int) -> None:
    for probe, path, other in (("healthy", "healthz", "readyz"), ("ready", "readyz", "healthz")):
        port = free_port()
        prometheus.serve(Registry(), "127.0.0.1", port, **{probe: lambda: passes})
        assert httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=10).status_code == status
        assert httpx.get(f"http://127.0.0.1:{port}/{other}", timeout=10).status_code == 200


def test_a_path_that_is_not_served_is_no_healthy_one() -> None:
    port = free_port()
    prometheus.serve(Registry(), "127.0.0.1", port, healthy=lambda: False)
    for path, status in {
        "/metrics": 200, "/metrics/": 200, "/": 200,
        "/healthz/": 503, "/health": 404, "/livez": 404,
    }.items():  # fmt: skip
        reply = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10)
        assert (path, reply.status_code) == (path, status)


def test_a_client_that_sends_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus._Quiet, "timeout", 0.1)
    port = free_port()
    prometheus.serve(Registry(), "127.0.0.1", port)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.send(b"GET /met")
        assert client.recv(1) == b""


def test_a_port_that_is_taken_is_told_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    def warning(event: str, **_: object) -> None:
        told.append(event)

    monkeypatch.setattr(prometheus, "_log", SimpleNamespace(warning=warning))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        prometheus.serve(Registry(), "127.0.0.1", taken.getsockname()[1])
    assert told == ["metrics_not_served"]
