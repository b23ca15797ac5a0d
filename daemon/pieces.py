"""What is under way between a delivery and its acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.outlet import Outlet

if TYPE_CHECKING:
    from connectors.events import Letter, Utterance
    from connectors.mapping import Mapper
    from connectors.source import Delivery
    from daemon.model.identity import Identity


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
