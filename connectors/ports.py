"""What the message path needs of the world around it, whoever provides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.amqp.wakeup import Wakeup
    from connectors.delivery import Delivery
    from connectors.messages import Letter
    from connectors.scoring.protocol import Answer


NO_HEADERS: Mapping[str, str] = {}


class Backlog(NamedTuple):
    """How a queue stands.

    Attributes:
        messages: Ready in it.
        consumers: Who listens to it; None where that cannot be told.
    """

    messages: int
    consumers: int | None


class SourceEdge(Protocol):
    """Deliveries come from here, and are settled here."""

    @property
    def unsettled(self) -> int:
        """Deliveries that are out."""
        ...

    def arrived(self) -> list[Delivery]:
        """Take the deliveries that have come since the last call."""
        ...

    def flush(self) -> None:
        """Acknowledge what was settled."""
        ...

    def cancel(self) -> None:
        """Stop deliveries; those already out stay ours to settle."""
        ...

    def give_back(self) -> None:
        """Return whatever is not settled."""
        ...


class SinkEdge(Protocol):
    """Events and parked messages leave by here."""

    @property
    def unconfirmed(self) -> int:
        """Letters of which nothing is known yet."""
        ...

    def publish(self, letter: Letter, parcel: Any) -> None:  # noqa: ANN401 - the caller's own
        """Send a letter; `outcomes` gives the parcel back."""
        ...

    def outcomes(self) -> list[tuple[Any, bool]]:
        """Take the parcels whose fate is known, and whether each is safe."""
        ...


class ScoringEdge(Protocol):
    """Texts go out to the workers, answers come back."""

    def ask(
        self, model: str, texts: Sequence[str], *, urgent: bool, timeout: float,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:  # fmt: skip
        """Send a batch; return the id that its answers will carry.

        The headers reach whoever scores it.
        """
        ...

    def answers(self) -> list[Answer]:
        """Take what the workers have said since the last call."""
        ...

    def workers(self, model: str) -> int:
        """Count the workers that listen just now."""
        ...

    def probe(self, worker: str) -> None:
        """Find out whether a worker still lives."""
        ...

    def gone(self) -> list[str]:
        """Take the workers that were found dead since the last call."""
        ...


class Edges(Protocol):
    """The bus, as one process uses it.

    Any method may raise `Unavailable`; then everything in flight is void: `drop`, `open` again,
    and the source delivers again what was not settled.

    Attributes:
        wakeup: Ends `wait` from outside.
    """

    wakeup: Wakeup

    @property
    def source(self) -> SourceEdge:
        """Where deliveries come from."""
        ...

    @property
    def sink(self) -> SinkEdge:
        """Where letters go."""
        ...

    @property
    def scoring(self) -> ScoringEdge:
        """Where texts are scored."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether the bus has asked its publishers to wait."""
        ...

    def open(self, *, careful: bool = False) -> None:
        """Connect, declare and listen: one attempt.

        Args:
            careful: Whether to have a single delivery out at a time.
        """
        ...

    def wait(self, seconds: float) -> None:
        """Send what was written, then sleep until something arrives or somebody wakes us."""
        ...

    def depth(self, queue: str) -> int | None:
        """Messages ready in a queue; None where there is no such queue."""
        ...

    def backlog(self, queue: str) -> Backlog | None:
        """How a queue stands; None where there is no such queue."""
        ...

    def close(self) -> None:
        """Let go in good order."""
        ...

    def drop(self) -> None:
        """Let go at once, for something went wrong."""
        ...
