"""What a real daemon's metrics say while RabbitMQ is away."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from tests.own.server import free_port
from tests.proxy import proxied
from tests.waiting import until

if TYPE_CHECKING:
    from tests.e2e.stage import Stage


def scraped(port: int) -> dict[str, float]:
    """The gauges of ours, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        families = text_string_to_metric_families(reply.read().decode())
        return {
            sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
            if sample.name.startswith("tonebus_") and family.type == "gauge"
        }


def test_gauges_of_the_broker_vanish_with_it(stage: Stage) -> None:
    port = free_port()
    with proxied(stage.env["TONEBUS_BROKER_URL"]) as (proxy, url):
        stage.start("worker")
        stage.start("daemon", TONEBUS_BROKER_URL=url, TONEBUS_METRICS_PORT=str(port))
        until(lambda: scraped(port).get("tonebus_workers tiny") == 1, timeout=60)
        assert scraped(port)["tonebus_connected"] == 1
        proxy.close()
        until(lambda: scraped(port).get("tonebus_state connecting") == 1, timeout=60)
        found = scraped(port)
        assert found["tonebus_connected"] == 0
        assert "tonebus_workers tiny" not in found
        assert "tonebus_publishing_blocked" not in found
