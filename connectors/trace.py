"""What is recorded of a delivery for a tracer."""

from __future__ import annotations


class Trace:
    """The trace of one delivery where tracing is off: it records nothing."""

    __slots__ = ()

    def passed_on(self, came: str | None) -> str | None:
        """Return the W3C trace context to send on, by the one that the delivery came with."""
        return came

    def record(self, outcome: str, detail: str = "") -> None:
        """Record what became of the delivery, or of one of its texts.

        Args:
            outcome: `labelled`, `parked`, `duplicate` or `skipped`.
            detail: The tone, or the code of the reason; never a text.
        """

    def end(self) -> None:
        """Record that the delivery is settled."""


UNTRACED = Trace()
