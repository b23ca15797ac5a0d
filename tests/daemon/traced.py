"""A tracer whose spans stay in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from daemon.telemetry import otel

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext

TRACE, PARENT = "1" * 32, "2" * 16
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


class Traced(otel.OtelTracer):
    """The real tracer, with the exporter that is made for tests."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = otel.provider("daemon")
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        super().__init__(provider)

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """The spans that have ended, of that name if one is given."""
        return [each for each in self._exporter.get_finished_spans() if name in {"", each.name}]


def trace_of(span: ReadableSpan) -> str:
    return f"{_context(span).trace_id:032x}"


def id_of(span: ReadableSpan) -> str:
    return f"{_context(span).span_id:016x}"


def parent_of(span: ReadableSpan) -> str:
    return f"{span.parent.span_id:016x}" if span.parent else ""


def links_of(span: ReadableSpan) -> list[str]:
    return [f"{link.context.span_id:016x}" for link in span.links]


def _context(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context
    return context
