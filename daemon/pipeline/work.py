"""What is under way between a delivery and its acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from connectors.events.output import Outlet

if TYPE_CHECKING:
    from connectors.delivery import Delivery
    from connectors.mapping import Mapper
    from connectors.messages import Fault, Letter, Model, Score, Utterance
    from daemon.model.identity import Identity

Waiter = TypeVar("Waiter")


@dataclass(frozen=True)
class Shadow:
    """A model that is tried on a connector's texts, beside the one in charge."""

    model: str
    identity: Identity


@dataclass(frozen=True)
class Lane:
    """How a connector's messages are read, who scores them, and how their events leave."""

    mapper: Mapper
    model: str
    identity: Identity
    outlet: Outlet = field(default_factory=Outlet)
    shadow: Shadow | None = None


@dataclass(slots=True, eq=False)
class Piece:
    """One utterance on its way to becoming one event.

    Attributes:
        followers: Deliveries of the same event that came while this one was on its way.
    """

    delivery: Delivery
    lane: Lane
    utterance: Utterance
    event_id: str
    score_key: bytes
    mark_key: bytes
    followers: list[Delivery] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Parcel:
    """A letter on its way to the broker, and what is owed when it has arrived.

    Attributes:
        piece: What the letter is about; None where a whole message is parked.
        tone: The tone that it tells; empty where it parks something, or only answers somebody.
    """

    letter: Letter
    delivery: Delivery
    piece: Piece | None = None
    tone: str = ""
    code: str = ""


@dataclass(slots=True, eq=False)
class Wanted(Generic[Waiter]):
    """A text to be scored; equal texts are one, whoever waits.

    Attributes:
        model: The model's name in the settings.
        waiters: Empty once all have been withdrawn while the text was out with a worker.
    """

    model: str
    key: bytes
    text: str
    waiters: list[Waiter]
    attempts: int = 0


@dataclass(slots=True, eq=False)
class Verdict(Generic[Waiter]):
    """What came of one text.

    Attributes:
        model: The model that scored it; None with a fault.
    """

    wanted: Wanted[Waiter]
    outcome: Score | Fault
    model: Model | None = None
