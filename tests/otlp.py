"""A collector of our own: takes spans by OTLP over HTTP, from any process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span as Exported


class Span(NamedTuple):
    """A span that arrived; ids are hexadecimal, a link is a trace's and a span's."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    links: list[tuple[str, str]]


class Collector:
    """Keeps what was exported to it.

    Attributes:
        spans: In the order in which they came.
        env: What a process must be given to export here, and soon.
    """

    def __init__(self, port: int) -> None:
        self.spans: list[Span] = []
        self.env = {
            "TONEBUS_TRACING_ENABLED": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def one(self, fits: Callable[[Span], bool]) -> Span:
        """Wait for a span, and find it to be the only one of its kind."""
        until(lambda: any(map(fits, self.spans)))
        [found] = [span for span in self.spans if fits(span)]
        return found

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_read(names["service.name"], span) for span in scope.spans]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()


def _read(service: str, span: Exported) -> Span:
    return Span(
        service, span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
        [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )  # fmt: skip
