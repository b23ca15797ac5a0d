"""Traces by OpenTelemetry: the only module that imports it, and an optional one.

The spans follow the messaging conventions, with RabbitMQ's (semantic conventions 1.30 and later;
https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/). No attribute ever holds a text,
nor the message of an error, which may quote one.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from connectors.amqp import topology
from connectors.events import event, output
from connectors.messages import Fault
from connectors.ports import NO_HEADERS
from connectors.trace import Trace
from daemon.telemetry.release import RELEASE
from daemon.telemetry.tracer import Tracer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.util.types import AttributeValue

    from connectors.delivery import Delivery
    from connectors.messages import Score
    from daemon.model.tone_model import ToneModel
    from daemon.telemetry.tracer import Source

_FLUSH_SECONDS = 5.0
_ERRORS = ("returned", "parked")
_OUTCOMES = (*_ERRORS, "labelled", "duplicate", "skipped")
_w3c = TraceContextTextMapPropagator()
_log = structlog.get_logger(__name__)


def start(process: str) -> OtelTracer:
    """Return a tracer that exports by OTLP over HTTP, as the `OTEL_…` variables say.

    The process is part of the service's name where no variable gives one.

    Raises:
        ValueError: A variable has no proper value.
    """
    made = provider(process)
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _log.info("tracing_started", service=made.resource.attributes["service.name"])
    return OtelTracer(made)


def provider(process: str) -> TracerProvider:
    """Return a provider of spans that go nowhere yet; arguments and errors as those of `start`."""
    named = Resource({"service.name": f"tonebus-{process}", "service.version": RELEASE})
    return TracerProvider(
        resource=Resource.create().merge(named).merge(OTELResourceDetector().detect()),
        span_limits=_limits(),
        # the process ends it itself, and does not wait for a collector that hangs
        shutdown_on_exit=False,
    )


class OtelTracer(Tracer):
    """One span for each delivery, one for each request to the workers, one for its scoring."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("tonebus", RELEASE)
        self._open: dict[int, _Followed] = {}

    def follow(self, delivery: Delivery) -> Trace:
        trace = self._open[id(delivery)] = _Followed(self, delivery)
        return trace

    def ask(self, model: str, texts: int, sources: Iterable[Source]) -> Mapping[str, str]:
        """Trace one request, linked with the deliveries whose texts it holds, both ways.

        It is a trace of its own, for it has many parents; there is none where no delivery of it is
        sampled, and none for `/predict`.
        """
        spans = [span for span in _spans(sources) if span.is_recording()]
        if not spans:
            return NO_HEADERS
        queue = topology.scoring_queue(model).name
        request = self._tracer.start_span(
            f"send {queue}",
            context=Context(),
            kind=SpanKind.PRODUCER,
            links=[Link(span.get_span_context()) for span in spans],
            attributes={
                **_operation("send", queue, queue),
                "messaging.batch.message_count": texts,
                "tonebus.texts": texts,
            },
        )
        request.end()
        for span in spans:
            span.add_link(request.get_span_context())
        headers: dict[str, str] = {}
        _w3c.inject(headers, set_span_in_context(request, Context()))
        return headers

    def score(
        self, model: ToneModel, texts: Sequence[str], headers: Mapping[str, Any]
    ) -> list[Score | Fault]:
        """Have a request scored, within a span that goes on with the request's."""
        known = model.identity.model
        queue = topology.scoring_queue(known.name).name
        span = self._tracer.start_span(
            f"process {queue}",
            context=_context(headers.get("traceparent"), headers.get("tracestate")),
            kind=SpanKind.CONSUMER,
            attributes={
                **_operation("process", queue, queue),
                "messaging.batch.message_count": len(texts),
                "tonebus.texts": len(texts),
                "tonebus.model.name": known.name,
                "tonebus.model.revision": known.revision,
            },
        )
        try:
            outcomes = model.score(texts)
        except Exception as error:
            _fail(span, type(error).__name__)
            raise
        else:
            faults = [each.code for each in outcomes if isinstance(each, Fault)]
            tokens = sum(each.tokens for each in outcomes if not isinstance(each, Fault))
            span.set_attributes({"tonebus.tokens": tokens, "tonebus.faults": len(faults)})
            if faults:
                _fail(span, faults[0])
            return outcomes
        finally:
            span.end()

    def reset(self) -> None:
        for trace in list(self._open.values()):
            trace.record("returned", "returned")
            trace.end()

    def close(self) -> None:
        last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(_FLUSH_SECONDS)

    def begin(self, delivery: Delivery, came: str | None, at: int) -> Span:
        """Start a delivery's span, at so many nanoseconds of the epoch, in the context it has."""
        queue = topology.source_queue(delivery.connector)
        attributes: dict[str, AttributeValue] = {
            **_operation("process", queue, delivery.routing_key, delivery.exchange),
            "messaging.rabbitmq.message.delivery_tag": delivery.tag,
            "messaging.message.body.size": len(delivery.body),
            "tonebus.connector": delivery.connector,
        }
        if delivery.message_id:
            attributes["messaging.message.id"] = delivery.message_id
        if delivery.correlation_id:
            attributes["messaging.message.conversation_id"] = delivery.correlation_id
        return self._tracer.start_span(
            f"process {queue}",
            context=_context(came, delivery.headers.get("tracestate")),
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            start_time=at,
        )

    def forget(self, delivery: Delivery) -> None:
        self._open.pop(id(delivery), None)


class _Followed(Trace):
    """One delivery's span.

    It starts when it is first needed, though with the time of the delivery: a CloudEvent's trace
    context may stand in the body, and is known only when that was read.
    """

    __slots__ = ("_came_at", "_delivery", "_noted", "_owner", "_span")

    def __init__(self, owner: OtelTracer, delivery: Delivery) -> None:
        self._owner = owner
        self._delivery = delivery
        self._came_at = time.time_ns()
        self._noted: dict[str, list[str]] = {}
        self._span: Span | None = None

    def span(self, came: str | None) -> Span:
        if self._span is None:
            self._span = self._owner.begin(self._delivery, came, self._came_at)
        return self._span

    def passed_on(self, came: str | None) -> str | None:
        context = self.span(came).get_span_context()
        if not context.is_valid:
            # OTEL_SDK_DISABLED
            return came
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def record(self, outcome: str, detail: str = "") -> None:
        self._noted.setdefault(outcome, []).append(detail)

    def end(self) -> None:
        self._owner.forget(self._delivery)
        span = self.span(event.trace_context(self._delivery))
        noted = self._noted
        outcome = next((each for each in _OUTCOMES if each in noted), "none")
        found: dict[str, AttributeValue] = {"tonebus.outcome": outcome}
        if tones := noted.get("labelled"):
            found |= {"tonebus.events": len(tones), "tonebus.tones": sorted(set(tones))}
        if skipped := noted.get("skipped"):
            found["tonebus.skipped"] = skipped[0]
        span.set_attributes(found)
        if outcome in _ERRORS:
            _fail(span, noted[outcome][0])
        span.end()


def _spans(sources: Iterable[Source]) -> list[Span]:
    """Return the spans of the deliveries that wait for texts, each once."""
    found: dict[Span, None] = {}
    for delivery, text in sources:
        if isinstance(delivery.trace, _Followed):
            found[delivery.trace.span(event.trace_context(delivery, text))] = None
    return list(found)


def _context(traceparent: object, tracestate: object) -> Context:
    """Return the context that a message brought; a new one where it is none."""
    carrier: dict[str, str] = {}
    if came := output.traceparent(traceparent):
        carrier["traceparent"] = came
    if state := output.tracestate(tracestate):
        carrier["tracestate"] = state
    return _w3c.extract(carrier, Context())


def _operation(name: str, queue: str, key: str, exchange: str = "") -> dict[str, AttributeValue]:
    """Return what the conventions ask of every span; destinations are `exchange:key:queue`."""
    place = (exchange, "" if key == queue else key, queue)
    return {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": name,
        "messaging.operation.type": name,
        "messaging.destination.name": ":".join(part for part in place if part),
        "messaging.rabbitmq.destination.routing_key": key,
    }


def _limits() -> SpanLimits:
    # by default the SDK keeps 128 links, fewer than a request may hold texts
    given = "OTEL_SPAN_LINK_COUNT_LIMIT" in os.environ
    return SpanLimits() if given else SpanLimits(max_links=SpanLimits.UNSET)


def _fail(span: Span, error: str) -> None:
    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR, error)
