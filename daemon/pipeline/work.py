"""What is under way between a delivery and its acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from connectors.events.output import Output
from connectors.messages import Fault
from connectors.parking.park import Reason
from daemon.pipeline.charges import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.delivery import Delivery
    from connectors.mapping import Mapper
    from connectors.messages import FurtherTone, Model, Score, Text
    from daemon.pipeline.routing import Choice, Routing, ServedModel
    from daemon.pipeline.settlement import Settlement

Requester = TypeVar("Requester")
_SUSPECT_DELIVERIES = 3
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Route:
    """How a connector's messages are read, who scores them, and how their events leave.

    Attributes:
        shadow: A model that is tried on the texts, beside those in charge.
        further: Models whose answers are wanted for every text, beside the one in charge.
    """

    mapper: Mapper
    routing: Routing
    output: Output = field(default_factory=Output)
    shadow: ServedModel | None = None
    further: tuple[ServedModel, ...] = ()


@dataclass(slots=True, eq=False)
class Further:
    """What the further models say of one text.

    Attributes:
        open: Keys of the scores that are still to come, by the model's name in the settings.
        tones: What came, by the same.
    """

    open: dict[str, bytes]
    tones: dict[str, FurtherTone]


NO_FURTHER = Further({}, {})


@dataclass(slots=True, eq=False)
class Item:
    """One text on its way to its event.

    Attributes:
        duplicates: Settlements of the same event that arrived while this one was under way.
    """

    settlement: Settlement
    route: Route
    text: Text
    choice: Choice
    event_id: str
    score_key: bytes
    mark_key: bytes
    duplicates: list[Settlement] = field(default_factory=list)
    further: Further = NO_FURTHER

    @property
    def delivery(self) -> Delivery:
        return self.settlement.delivery

    @property
    def score_keys(self) -> list[bytes]:
        """Keys of its score, and of those that further models give it."""
        return [self.score_key, *self.further.open.values()]

    @property
    def weight(self) -> int:
        """Characters of its text and of the fields that it carries."""
        carried = self.text.carried
        return len(self.text.content) + (len(_encode(carried)) if carried else 0)

    @property
    def suspect(self) -> bool:
        """Whether its message came so often that it may crash workers: it is scored alone."""
        return self.delivery.count >= _SUSPECT_DELIVERIES

    @property
    def identified(self) -> bool:
        """Whether its message has an identity, and a repeat of it can be recognised."""
        return self.text.source_id is not None

    @property
    def wanted(self) -> bool:
        return any(each.delivery.live for each in (self.settlement, *self.duplicates))

    def forget_void(self) -> None:
        """Forget deliveries that were given back; a duplicate's takes the place of its own."""
        waiting = [each for each in (self.settlement, *self.duplicates) if each.delivery.live]
        self.settlement, *self.duplicates = waiting

    def poison(self, fault: Score | Fault, attempts: int) -> Reason:
        """Why it is parked where its model cannot score it."""
        detail = f"{fault.code} {fault.detail}".strip() if isinstance(fault, Fault) else ""
        return Reason("poison", stage="score", detail=detail, attempts=attempts,
                      texts=(self.text.index,),
                      revision=self.choice.model.identity.model.revision)  # fmt: skip

    def unmade(self, error: Exception) -> Reason:
        """Why it is parked where its event cannot be made."""
        return Reason(
            "event", stage="publish", detail=type(error).__name__, texts=(self.text.index,)
        )


@dataclass(slots=True, eq=False)
class ScoreRequest(Generic[Requester]):
    """A text to be scored; equal texts are one request.

    Attributes:
        model: The model's name in the settings.
        requesters: Empty where all were withdrawn while a worker had the text.
    """

    model: str
    key: bytes
    text: str
    requesters: list[Requester]
    record: Record = field(default_factory=Record)

    def sources(self) -> Iterator[tuple[Delivery, Text]]:
        """The deliveries that wait for the score, and the text in each."""
        for item in self.requesters:
            if isinstance(item, Item):
                for each in (item.settlement, *item.duplicates):
                    yield each.delivery, item.text


@dataclass(slots=True, eq=False)
class Outcome(Generic[Requester]):
    """What came of one text.

    Attributes:
        model: The model that scored it; None with a fault.
    """

    request: ScoreRequest[Requester]
    result: Score | Fault
    model: Model | None = None
