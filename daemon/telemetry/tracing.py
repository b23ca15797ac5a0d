"""Which tracer a process uses: none, unless `[tracing] enabled` says so.

`daemon.telemetry.otel` speaks OpenTelemetry, and is loaded only where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import Misconfigured
from daemon.telemetry.tracer import Tracer

if TYPE_CHECKING:
    from daemon.settings import TracingSettings


def start(settings: TracingSettings, process: str) -> Tracer:
    """Return what a `daemon` or a `worker` traces with.

    Raises:
        Misconfigured: Tracing is on, and OpenTelemetry is not installed or refuses its variables.
    """
    if not settings.enabled:
        return Tracer()
    try:
        from daemon.telemetry import otel  # noqa: PLC0415 - an extra, loaded only where it is used
    except ImportError as error:
        raise Misconfigured(
            f"tracing.enabled is true, but OpenTelemetry is not installed ({error}). "
            "Fix: pip install 'tonebus[otel]', or set tracing.enabled = false"
        ) from error
    try:
        return otel.start(process)
    except ValueError as error:
        raise Misconfigured(
            f"OpenTelemetry refuses its settings: {error}. Fix: see the OTEL_… variables"
        ) from error
