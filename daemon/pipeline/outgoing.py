"""What is ready to be published, and what happens when it is confirmed.

The message itself is made when it is sent, so that one that waits takes no more memory
than its item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from connectors.events import event as envelope
from connectors.messages import OutgoingMessage
from connectors.parking import park

if TYPE_CHECKING:
    from connectors.messages import Model, Score, ToneEvent
    from connectors.parking.park import Reason
    from daemon.pipeline.settlement import Settlement
    from daemon.pipeline.work import Item

_NOWHERE = "sentiment.nowhere"


class Pending(Protocol):
    """Something to publish.

    Attributes:
        safe: Whether it was confirmed; a second confirm of it means nothing.
    """

    safe: bool

    @property
    def connector(self) -> str:
        """Whose message it comes from."""

    @property
    def identified(self) -> bool:
        """Whether a second one, published after a redelivery, would be known by its id."""

    @property
    def wanted(self) -> bool:
        """Whether a delivery still waits for it."""

    def message(self) -> OutgoingMessage:
        """Make the message."""


@dataclass(slots=True, eq=False)
class PendingEvent:
    """The event of an item.

    Attributes:
        event: As it was last made.
    """

    item: Item
    score: Score
    model: Model
    cached: bool
    safe: bool = False
    event: ToneEvent | None = None
    tone: str = ""

    @property
    def connector(self) -> str:
        return self.item.delivery.connector

    @property
    def identified(self) -> bool:
        return self.item.identified

    @property
    def wanted(self) -> bool:
        return self.item.wanted

    def message(self) -> OutgoingMessage:
        item, output = self.item, self.item.route.output
        self.event = envelope.tone_event(
            item.delivery, item.text, item.event_id, score=self.score, model=self.model,
            cached=self.cached, language=item.choice.language[:2],
            include_text=output.include_text, doubt=output.doubt,
            tones=item.further.tones,
        )  # fmt: skip
        return output.message(self.event, item.delivery)


@dataclass(slots=True, eq=False)
class PendingCopy:
    """The parked copy of a delivery, which needs nothing else."""

    settlement: Settlement
    reason: Reason
    safe: bool = False

    @property
    def connector(self) -> str:
        return self.settlement.delivery.connector

    @property
    def identified(self) -> bool:
        return self.settlement.delivery.message_id is not None

    @property
    def wanted(self) -> bool:
        return self.settlement.delivery.live

    def message(self) -> OutgoingMessage:
        return park.message(self.settlement.delivery, self.reason)


@dataclass(slots=True, eq=False)
class Ping:
    """An empty message to no queue: its confirm shows that RabbitMQ takes messages again."""

    safe: bool = False
    connector = ""
    identified = True
    wanted = True

    def message(self) -> OutgoingMessage:
        """Make the message: the default exchange finds no queue of this name, and drops it."""
        return OutgoingMessage("", _NOWHERE, b"", {}, mandatory=False)
