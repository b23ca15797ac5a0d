"""When a delivery may be acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.parking.park import Reason
from connectors.text import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.delivery import Delivery
    from connectors.messages import OutgoingMessage

_NAMED_AT_MOST = 10


class Settlement:
    """What is still owed for one delivery.

    Invariant: `_open` counts the texts whose outcome is not safe yet. A text's outcome is safe when
    its event is confirmed, when it is the duplicate of a confirmed event, or when it has failed.
    At zero the delivery is acknowledged: at once if no text has failed, else after the confirm
    of its one parked copy, which names every text that failed.
    """

    __slots__ = ("_failures", "_open", "delivery", "replies")

    def __init__(self, delivery: Delivery, texts: int, failures: Sequence[Reason] = ()) -> None:
        """Owe so many texts; others of it, or all of it, may have failed already."""
        self.delivery = delivery
        self.replies: list[OutgoingMessage] = []
        self._open = texts
        self._failures = list(failures)

    def done(self) -> None:
        self._open -= 1

    def fail(self, reason: Reason) -> None:
        self._open -= 1
        self._failures.append(reason)

    @property
    def complete(self) -> bool:
        return not self._open

    @property
    def failed(self) -> bool:
        return bool(self._failures)

    @property
    def reason(self) -> Reason | None:
        """Why it must be parked; None where nothing failed."""
        if len(self._failures) <= 1:
            return self._failures[0] if self._failures else None
        first = min(self._failures, key=lambda each: each.texts)
        texts = sorted({place for each in self._failures for place in each.texts})
        return Reason(
            first.code,
            stage=first.stage,
            detail=f"texts {listed(texts, _NAMED_AT_MOST)}: {first.detail}",
            attempts=max(each.attempts for each in self._failures),
            texts=tuple(texts),
            revision=first.revision,
        )
