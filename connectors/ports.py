"""What the message path needs of the world around it, as protocols."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.amqp.consumer import Ended
    from connectors.amqp.wakeup import Wakeup
    from connectors.delivery import Delivery
    from connectors.messages import OutgoingMessage
    from connectors.scoring.protocol import Reply


Token = TypeVar("Token")
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
    """Deliveries come from here, and are settled here. It starts with no consumer."""

    @property
    def unsettled(self) -> int:
        """Deliveries that are out."""
        ...

    @property
    def waiting(self) -> int:
        """Deliveries that have come and were not taken."""
        ...

    def start(
        self, connector: str, prefetch: int = 0, *, alone: bool = False, skip: bool = False
    ) -> None:
        """Start the deliveries of a connector; 0 takes the prefetch of the settings.

        From a stream nothing is ever put away. `alone` reads nothing beside it, and `skip` passes
        over its next message; for other queues they mean nothing.
        """
        ...

    def stop(self, connector: str) -> None:
        """Stop the deliveries of a connector, and give back what is not settled."""
        ...

    def ended(self) -> Sequence[Ended]:
        """Take the consumers that the broker has ended since the last call; they are stopped."""
        ...

    def arrived(self, limit: int) -> list[Delivery]:
        """Take deliveries that have come, the oldest first, so many at most."""
        ...

    def unsettled_of(self, connector: str) -> int:
        """Deliveries of one connector that are out."""
        ...

    def oldest(self, connector: str) -> float | None:
        """Monotonic seconds when the oldest unsettled delivery came; None where there is none."""
        ...

    def flush(self) -> None:
        """Acknowledge what was settled, at once."""
        ...

    def cancel(self, connector: str = "") -> None:
        """Stop deliveries, of one connector or of all; those already out stay ours to settle."""
        ...

    def give_back(self) -> None:
        """Stop deliveries, and return whatever is not settled."""
        ...


class Fate(Enum):
    """What became of a message that was published.

    Only `CONFIRMED` is safe. Nothing is charged to the message. Three are charged to the
    destination: `REFUSED` (a queue is full or failing), `UNROUTED` (there is no queue) and
    `FORBIDDEN` (by the broker). `VOID` is charged to nobody: its channel was closed for another
    reason.
    """

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNROUTED = "unrouted"
    FORBIDDEN = "forbidden"
    VOID = "void"


class PublishOutcome(NamedTuple, Generic[Token]):
    """What became of one message.

    Attributes:
        token: As it was given to `publish`.
        detail: What the broker said.
    """

    token: Token
    fate: Fate
    detail: str = ""


class SinkEdge(Protocol):
    """Events and parked messages leave by here."""

    @property
    def unconfirmed(self) -> int:
        """Messages of which nothing is known yet."""
        ...

    def publish(self, message: OutgoingMessage, token: Any, *, probe: bool = False) -> None:  # noqa: ANN401 - the caller's own
        """Send a message; `outcomes` gives the token back.

        One that may be forbidden, as the last one was, is a probe: it makes no other one void.
        """
        ...

    def reply(self, message: OutgoingMessage) -> None:
        """Send a message of which nobody will know what became."""
        ...

    def outcomes(self) -> Sequence[PublishOutcome[Any]]:
        """Take what is known since the last call."""
        ...


class ScoringEdge(Protocol):
    """Sends texts to the workers and collects their replies."""

    def ask(
        self, model: str, texts: Sequence[str], *, urgent: bool, timeout: float,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:  # fmt: skip
        """Send a batch to the workers of a model; return the id that its replies will carry.

        Args:
            model: The model's name in the settings.
            texts: What to score.
            urgent: Whether it may overtake the backlog.
            timeout: Seconds after which nobody waits for it any more, so that it need not be done.
            headers: They reach the worker that scores it.
        """
        ...

    def replies(self) -> list[Reply]:
        """Take what the workers have said since the last call."""
        ...

    def workers(self, model: str) -> int:
        """Count the workers that listen just now."""
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
        """Where messages go."""
        ...

    @property
    def scoring(self) -> ScoringEdge:
        """Where texts are scored."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether the bus has asked its publishers to wait."""
        ...

    def open(self) -> None:
        """Connect and declare: one attempt. Nothing is consumed until `source.start`."""
        ...

    def redeclare(self) -> None:
        """Declare again what messages leave by: some of it may be gone."""
        ...

    def wait(self, seconds: float) -> None:
        """Send what was written, then sleep until something arrives or another thread wakes us."""
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
