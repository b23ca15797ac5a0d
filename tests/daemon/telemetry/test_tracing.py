"""What is traced of a message: one span for its delivery, linked with the work that it makes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanKind, StatusCode

from connectors.errors import Misconfigured
from connectors.messages import EVENT_TYPE
from daemon.settings import ConnectorSettings, TracingSettings
from daemon.telemetry import otel, tracing
from tests import models
from tests.daemon.rooms import Room
from tests.daemon.traced import (
    PARENT,
    TRACE,
    TRACEPARENT,
    Traced,
    id_of,
    links_of,
    parent_of,
    trace_of,
)
from tests.processes import ROOT
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.model.tone_model import ToneModel

DELIVERY = "process sentiment.source.input"
REQUEST = f"send sentiment.score.{models.NAME}"
SCORING = f"process sentiment.score.{models.NAME}"
UPSTREAM: dict[str, Any] = {"traceparent": TRACEPARENT, "tracestate": "vendor=7"}


@pytest.fixture
def tracer() -> Traced:
    return Traced()


@pytest.fixture
def room(model_directory: Path, tone_model: ToneModel, tracer: Traced) -> Room:
    return Room(model_directory, tone_model, tracer=tracer)


def said(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_message_is_followed_from_its_publisher_to_its_event(room: Room, tracer: Traced) -> None:
    room.send('{"text": "good"}', message_id="m-1", application_headers=UPSTREAM)
    room.settle()
    [delivery] = tracer.spans(DELIVERY)
    [request] = tracer.spans(REQUEST)
    [scoring] = tracer.spans(SCORING)
    [event] = room.events()
    assert (trace_of(delivery), parent_of(delivery)) == (TRACE, PARENT)
    assert event["traceparent"] == f"00-{TRACE}-{id_of(delivery)}-01"
    assert parent_of(request) == ""
    assert links_of(request) == [id_of(delivery)]
    assert links_of(delivery) == [id_of(request)]
    assert (trace_of(scoring), parent_of(scoring)) == (trace_of(request), id_of(request))
    kinds = [span.kind for span in (delivery, request, scoring)]
    assert kinds == [SpanKind.CONSUMER, SpanKind.PRODUCER, SpanKind.CONSUMER]


def test_spans_say_what_the_conventions_ask_for(
    room: Room, tracer: Traced, tone_model: ToneModel
) -> None:
    body = '{"text": "good"}'
    room.send(body, message_id="m-1", correlation_id="c-1")
    room.settle()
    [delivery], [scoring] = tracer.spans(DELIVERY), tracer.spans(SCORING)
    [event] = room.events()
    assert said(delivery) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "sentiment.input:key:sentiment.source.input",
        "messaging.rabbitmq.destination.routing_key": "key",
        "messaging.rabbitmq.message.delivery_tag": 1,
        "messaging.message.body.size": len(body),
        "messaging.message.id": "m-1",
        "messaging.message.conversation_id": "c-1",
        "tonebus.connector": "input",
        "tonebus.outcome": "labelled",
        "tonebus.events": 1,
        "tonebus.tones": (event["data"]["tone"],),
    }
    known = tone_model.identity.model
    assert {name: value for name, value in said(scoring).items() if "tonebus" in name} == {
        "tonebus.texts": 1,
        "tonebus.tokens": event["data"]["tokens"],
        "tonebus.faults": 0,
        "tonebus.model.name": known.name,
        "tonebus.model.revision": known.revision,
    }
    assert delivery.resource.attributes["service.name"] == "tonebus-daemon"


def test_what_other_tracers_noted_travels_on(room: Room) -> None:
    room.send('{"text": "good"}', application_headers=UPSTREAM)
    room.settle()
    [event] = room.broker.take("seen", 10)
    headers = event.properties["application_headers"]
    assert headers["tracestate"] == "vendor=7"
    assert headers["traceparent"] == json.loads(event.body)["traceparent"]


@pytest.mark.parametrize("came", ["nonsense", 7, [TRACEPARENT], f"00-{'0' * 32}-{'0' * 16}-01"])
def test_a_message_without_a_trace_begins_one(room: Room, tracer: Traced, came: object) -> None:
    headers = {"traceparent": came, "tracestate": 7}
    room.send('{"text": "good"}', application_headers=headers)
    room.settle()
    [delivery] = tracer.spans(DELIVERY)
    [event] = room.events()
    assert parent_of(delivery) == ""
    assert event["traceparent"].startswith(f"00-{trace_of(delivery)}-{id_of(delivery)}-")


def test_what_other_tracers_noted_of_no_trace_is_dropped(room: Room) -> None:
    room.send('{"text": "good"}', application_headers={"tracestate": "vendor=7"})
    room.settle()
    [event] = room.broker.take("seen", 10)
    assert event.properties["application_headers"].keys() == {"traceparent"}


def test_the_trace_of_a_cloudevent_stands_in_its_body(room: Room, tracer: Traced) -> None:
    event = {
        "specversion": "1.0", "id": "1", "source": "/shop", "type": "review",
        "traceparent": TRACEPARENT, "data": {"text": "good"},
    }  # fmt: skip
    room.send(json.dumps(event), content_type="application/cloudevents+json")
    room.settle()
    [delivery] = tracer.spans(DELIVERY)
    assert (trace_of(delivery), parent_of(delivery)) == (TRACE, PARENT)


def test_texts_of_many_messages_share_a_request_that_links_to_them_all(
    room: Room, tracer: Traced
) -> None:
    pipeline = room.service.pipeline
    room.held.set()  # so that all wait together while the worker is busy with the first
    room.tell("the first", id="first")
    until(lambda: pipeline._scorer.in_flight, lambda: pipeline.turn(0.05))
    for place in range(90):
        room.tell(f"number {place % 30}", id=place)
    until(lambda: pipeline.in_flight == 91 and not pipeline._inbox, lambda: pipeline.turn(0.05))
    room.held.clear()
    room.settle()
    deliveries = [id_of(span) for span in tracer.spans(DELIVERY)]
    linked = [link for span in tracer.spans(REQUEST) for link in links_of(span)]
    assert (len(linked), sorted(linked)) == (91, sorted(deliveries))
    assert len(tracer.spans(REQUEST)) < 30


def test_a_message_of_many_texts_is_linked_once(
    model_directory: Path, tone_model: ToneModel, tracer: Traced
) -> None:
    room = Room(model_directory, tone_model, ConnectorSettings(text="texts"), tracer=tracer)
    room.send(json.dumps({"texts": [f"number {n}" for n in range(5)]}))
    room.settle()
    [delivery] = tracer.spans(DELIVERY)
    assert all(links_of(span) == [id_of(delivery)] for span in tracer.spans(REQUEST))
    assert said(delivery)["tonebus.events"] == 5


def test_a_request_of_any_size_keeps_all_its_links() -> None:
    spans = otel.provider("daemon").get_tracer("test")
    links = [Link(spans.start_span("delivery").get_span_context()) for _ in range(1000)]
    request = spans.start_span("request", links=links)
    assert isinstance(request, ReadableSpan)
    assert len(request.links) == 1000


def test_a_message_that_is_parked_is_an_error_with_its_code(room: Room, tracer: Traced) -> None:
    room.send("{", application_headers=UPSTREAM)
    room.settle()
    [delivery] = tracer.spans(DELIVERY)
    assert trace_of(delivery) == TRACE
    assert said(delivery)["tonebus.outcome"] == "parked"
    assert said(delivery)["error.type"] == "json"
    assert delivery.status.status_code is StatusCode.ERROR


def test_a_message_that_asks_for_no_event_and_a_repeat_say_so(room: Room, tracer: Traced) -> None:
    own = {"specversion": "1.0", "id": "1", "source": "/tonebus/input", "type": EVENT_TYPE}
    room.send(json.dumps(own | {"data": {}}))
    room.tell("good", id="m-1")
    room.tell("good", id="m-1")
    room.settle()
    outcomes = [said(span)["tonebus.outcome"] for span in tracer.spans(DELIVERY)]
    assert sorted(outcomes) == ["duplicate", "labelled", "skipped"]


def test_what_goes_back_to_its_queue_ends_as_an_error(room: Room, tracer: Traced) -> None:
    room.held.set()
    room.tell("good")
    room.service.pipeline.turn(0.05)
    assert tracer.spans(DELIVERY) == []
    room.edges.drop()
    room.service.pipeline.reset()
    [delivery] = tracer.spans(DELIVERY)
    assert said(delivery)["tonebus.outcome"] == said(delivery)["error.type"] == "returned"
    room.held.clear()


def test_no_span_holds_a_text_even_where_the_model_quotes_it(
    room: Room, tracer: Traced, tone_model: ToneModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quote(texts: list[str]) -> None:
        raise ValueError(f"cannot read {texts}")

    monkeypatch.setattr(tone_model, "score", quote)
    room.tell("canary4711", id="m-1")
    room.settle()
    [parked] = room.parked()
    assert parked.body
    spans = tracer.spans()
    assert {said(span)["error.type"] for span in spans if span.name == SCORING} == {"ValueError"}
    assert "canary4711" not in str(encode_spans(spans))


def test_nothing_that_a_stranger_wrote_keeps_spans_from_being_exported(
    room: Room, tracer: Traced
) -> None:
    room.send("{", message_id="m-\udcff", correlation_id="\ud800")
    room.settle()
    assert encode_spans(tracer.spans()).SerializeToString()


def test_a_trace_that_its_publisher_does_not_sample_is_passed_on_and_not_recorded(
    room: Room, tracer: Traced
) -> None:
    room.send('{"text": "good"}', application_headers={"traceparent": f"{TRACEPARENT[:-2]}00"})
    room.settle()
    [event] = room.events()
    version, trace, span, flags = event["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE, "00")
    assert span != PARENT
    assert tracer.spans(DELIVERY) == tracer.spans(REQUEST) == []


def test_opentelemetry_that_is_disabled_leaves_the_trace_as_it_came(
    model_directory: Path, tone_model: ToneModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    room = Room(model_directory, tone_model, tracer=Traced())
    room.send('{"text": "good"}', application_headers=UPSTREAM)
    room.tell("bad")
    room.settle()
    assert {event.get("traceparent") for event in room.events()} == {TRACEPARENT, None}


def test_a_part_that_fails_leaves_the_tones_of_the_others(
    model_directory: Path, tone_model: ToneModel, tracer: Traced
) -> None:
    connector = ConnectorSettings(text="texts")
    room = Room(model_directory, tone_model, connector, tracer=tracer)
    room.send('{"texts": ["good", 7, "bad"]}')
    room.settle()
    [delivery] = tracer.spans(DELIVERY)
    assert (said(delivery)["tonebus.outcome"], said(delivery)["tonebus.events"]) == ("parked", 2)


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
import daemon.process.service, daemon.worker.app
from daemon.telemetry import tracing
from daemon.settings import TracingSettings
tracing.start(TracingSettings(), "daemon")
try:
    tracing.start(TracingSettings(enabled=True), "daemon")
except Exception as error:
    print(type(error).__name__, error)
"""


def test_without_the_extra_everything_runs_but_tracing_which_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], check=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.startswith("Misconfigured tracing.enabled is true")
    assert "pip install 'tonebus[otel]'" in done.stdout


def test_a_variable_that_opentelemetry_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "many")
    with pytest.raises(Misconfigured, match="OTEL_SPAN_LINK_COUNT_LIMIT"):
        tracing.start(TracingSettings(enabled=True), "daemon")
