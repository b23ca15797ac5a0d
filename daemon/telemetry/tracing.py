"""Traces of the message path; none unless switched on.

The message path speaks to a `Tracer`, and this one does nothing. The one that speaks OpenTelemetry
stands in `daemon.telemetry.otel`, which is loaded only where `[tracing] enabled` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.errors import Misconfigured
from connectors.ports import NO_HEADERS
from connectors.trace import UNTRACED, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.delivery import Delivery
    from connectors.messages import Fault, Score
    from daemon.model.scorer import ToneModel
    from daemon.pipeline.work import ScoreRequest
    from daemon.settings import TracingSettings


class Tracer:
    """Traces nothing."""

    def follow(self, delivery: Delivery) -> Trace:  # noqa: ARG002 - others look at it
        """Begin the trace of a delivery that has just come."""
        return UNTRACED

    def ask(self, model: str, members: Sequence[ScoreRequest[Any]]) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """Trace one request to the workers.

        Args:
            model: The model's name in the settings.
            members: The texts in it, with whoever waits for them.

        Returns:
            The headers by which a worker goes on with the trace.
        """
        return NO_HEADERS

    def score(
        self,
        model: ToneModel,
        texts: Sequence[str],
        headers: Mapping[str, Any],  # noqa: ARG002 - as above
    ) -> list[Score | Fault]:
        """Have a request scored, as a part of the trace that its headers tell of."""
        return model.score(texts)

    def reset(self) -> None:
        """End what is open: those deliveries go back to their queues."""

    def close(self) -> None:
        """Hand over what was traced, before the process ends."""


def start(settings: TracingSettings, process: str) -> Tracer:
    """Return what the process traces with.

    Args:
        settings: Whether to trace at all.
        process: `daemon` or `worker`.

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
