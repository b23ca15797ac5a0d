"""What the message path reports to a tracer; this one does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.ports import NO_HEADERS
from connectors.trace import UNTRACED, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from connectors.delivery import Delivery
    from connectors.messages import Fault, Score, Text
    from daemon.model.tone_model import ToneModel

    Source = tuple[Delivery, Text]
    """A delivery that waits for a score, and the text in it."""


class Tracer:
    """Traces nothing."""

    def follow(self, delivery: Delivery) -> Trace:  # noqa: ARG002 - others look at it
        """Begin the trace of a delivery that has just come."""
        return UNTRACED

    def ask(self, model: str, texts: int, sources: Iterable[Source]) -> Mapping[str, str]:  # noqa: ARG002 - as above
        """Trace a request to the workers; return the headers by which a worker goes on with it."""
        return NO_HEADERS

    def score(
        self,
        model: ToneModel,
        texts: Sequence[str],
        headers: Mapping[str, Any],  # noqa: ARG002 - as above
    ) -> list[Score | Fault]:
        """Have a request scored, as a part of the trace that its headers name."""
        return model.score(texts)

    def reset(self) -> None:
        """End what is open: those deliveries go back to their queues."""

    def close(self) -> None:
        """Hand over what was traced, before the process ends."""
