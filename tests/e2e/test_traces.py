"""One trace through real processes, from a publisher's span to the event's consumer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests import models
from tests.otlp import collecting

if TYPE_CHECKING:
    from tests.e2e.stage import Stage

TRACE, PARENT = "1" * 32, "2" * 16


def test_a_trace_goes_from_the_publisher_through_daemon_and_worker_to_the_event(
    stage: Stage,
) -> None:
    with collecting() as collector:
        stage.start("worker", **collector.env)
        daemon = stage.start("daemon", **collector.env)
        stage.watch()
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=7"}
        stage.send(json.dumps({"text": "it was very good"}).encode(), headers=headers)
        [event] = stage.collect(1)

        delivery = collector.one(lambda span: span.trace == TRACE)
        assert (delivery.service, delivery.name) == (
            "tonebus-daemon", "process sentiment.source.input",
        )  # fmt: skip
        assert delivery.parent == PARENT
        assert event["traceparent"] == f"00-{TRACE}-{delivery.id}-01"
        request = collector.one(lambda span: span.links == [(TRACE, delivery.id)])
        assert request.name == f"send sentiment.score.{models.NAME}"
        assert delivery.links == [(request.trace, request.id)]
        scoring = collector.one(lambda span: span.parent == request.id)
        assert (scoring.service, scoring.trace) == ("tonebus-worker", request.trace)
        assert daemon.stop() == 0


def test_a_process_that_ends_hands_over_what_it_traced(stage: Stage) -> None:
    with collecting() as collector:
        stage.start("worker")
        daemon = stage.start("daemon", **collector.env | {"OTEL_BSP_SCHEDULE_DELAY": "600000"})
        stage.watch()
        stage.send(b'{"text": "good"}')
        stage.collect(1)
        assert collector.spans == []
        assert daemon.stop() == 0
        assert collector.one(lambda span: span.name == "process sentiment.source.input")


def test_a_collector_that_is_not_there_keeps_nothing_from_its_way(stage: Stage) -> None:
    with collecting() as collector:
        gone = collector.env
    stage.start("worker", **gone)
    daemon = stage.start("daemon", **gone)
    stage.watch()
    stage.publish((f"m-{n}", f"number {n}") for n in range(20))
    assert len(stage.collect(20)) == 20
    assert daemon.stop() == 0
