"""The parked messages, one by one: look at them, replay them, throw them away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from connectors.amqp import topology
from connectors.amqp.connection import Garbled, Refused, body_of
from connectors.amqp.peek import give_back
from connectors.amqp.presence import backlog_by
from connectors.amqp.publisher import Sink
from connectors.errors import Unavailable
from connectors.messages import OutgoingMessage
from connectors.parking.entry import entry
from connectors.parking.headers import Replayed, headers
from connectors.ports import Fate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.amqp.connection import Broker
    from connectors.parking.entry import ParkedMessage

HOLD_SECONDS = 60.0
"""What is only looked at is given back after so long; RabbitMQ takes it back after 30 minutes."""
_PATIENCE_SECONDS = 1.0
_CONFIRM_TRIES = 30
_ROUTING = ("CC", "BCC")
"""By these headers RabbitMQ delivers copies to other queues: "sender-selected distribution"."""


class Unreadable(Unavailable):
    """RabbitMQ ends the connection over a message that AMQP 0-9-1 cannot express.

    Attributes:
        before: Messages in front of it.
    """

    def __init__(self, before: int) -> None:
        super().__init__(
            f"RabbitMQ cannot hand over what stands behind {before} messages of {topology.PARKED}, "
            "nor what is behind that: a client of AMQP 1.0 sent it. Fix: take it out with such a "
            "client, or throw it away: `tonebus parked purge --unreadable`"
        )
        self.before = before


class ParkedQueue:
    """The messages that were parked when it was opened.

    What is fetched and neither replayed nor dropped goes back to its place: when this is closed,
    also by the end of the process, and meanwhile whenever it was held for long.

    Attributes:
        depth: How many there were.
    """

    def __init__(
        self, broker: Broker, *, hold: float = HOLD_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Open a channel; others may do without what is only looked at for `hold` seconds.

        Raises:
            Refused: There is no such queue, or we may not read it.
        """
        self._broker = broker
        self._hold = hold
        self._clock = clock
        self._channel = broker.channel()
        self._held: set[int] = set()
        self._fetched = 0.0
        self._known = 0
        self.depth = self._left = self._declared()
        self._sink: Sink[int] | None = None

    def __iter__(self) -> Iterator[ParkedMessage]:
        """Fetch one after the other, the oldest first; what is parked meanwhile is left alone.

        Raises:
            Unreadable: RabbitMQ cannot hand over the next one.
        """
        while self._left > 0:
            if self._fetched and self._clock() - self._fetched > self._hold:
                self.give_back()
            try:
                message = self._broker.attempt(self._channel.basic_get, topology.PARKED)
            except Garbled as error:
                raise Unreadable(len(self._held)) from error
            if message is None:
                return
            self._held.add(message.delivery_info["delivery_tag"])
            if self._known:
                self._known -= 1
                continue
            # from here on, for to pass over many may take longer than that
            self._fetched = self._fetched or self._clock()
            self._left -= 1
            yield entry(message)

    def replay(self, each: ParkedMessage, queue: str) -> None:
        """Send a message to a source queue; when that is confirmed, drop it here.

        Killed in between, it is in both places, and nothing is lost.

        Args:
            each: As it was fetched last.
            queue: Its connector's, by the settings: headers could name any queue.

        Raises:
            Unavailable: There is no such queue any more, or the broker does not confirm.
        """
        if self._sink is None:
            self._sink = Sink(self._broker)
        self._sink.publish(_again(each, queue), each.tag)
        for _ in range(_CONFIRM_TRIES):
            outcomes = self._sink.outcomes()
            for _, fate, detail in outcomes:
                if fate is Fate.UNROUTED:
                    raise Unavailable(
                        f"queue {queue!r} does not exist. Fix: `tonebus topology apply`, or purge "
                        "the message"
                    )
                if fate is not Fate.CONFIRMED:
                    why = detail or "it is full or failing"
                    raise Unavailable(f"queue {queue!r} did not take it: {why}; replay later")
            if outcomes:
                self.drop(each)
                return
            self._broker.wait(_PATIENCE_SECONDS)
        raise Unavailable("RabbitMQ confirmed nothing; the message is still parked")

    def drop(self, each: ParkedMessage) -> None:
        """Take a message out of the queue for good."""
        self._broker.attempt(self._channel.basic_ack, each.tag)
        self._held.discard(each.tag)

    def sleep_until(self, due: float) -> None:
        """Sleep until a moment of the clock; heartbeats go on, and others get what is held."""
        if due - self._clock() > self._hold:
            self.give_back()
        while (left := due - self._clock()) > 0:
            self._broker.wait(min(left, _PATIENCE_SECONDS))

    def give_back(self) -> None:
        """Put back what was only looked at; iterating goes on behind it."""
        self.close()
        self._channel = self._broker.channel()
        self._known, self._held, self._fetched = len(self._held), set(), 0.0

    def close(self) -> None:
        """Put back what was only looked at, and see it there: RabbitMQ takes a moment for it."""
        give_back(self._broker, self._channel, topology.PARKED, len(self._held))

    def _declared(self) -> int:
        try:
            return backlog_by(self._broker, self._channel, topology.PARKED).messages
        except Refused as refused:
            raise Refused(
                f"{refused}. Fix: where the queue is missing, `tonebus topology apply`; where "
                "access is refused, grant this user to read it"
            ) from None


def drop_unreadable(broker: Broker, before: int) -> bool:
    """Throw away the message behind some others, if RabbitMQ cannot hand it over.

    That ends the connection. A message that can be read is put back, behind the others: somebody
    else has taken one meanwhile.
    """
    channel = broker.channel()
    for _ in range(before):
        broker.attempt(channel.basic_get, topology.PARKED)
    try:
        found = broker.attempt(channel.basic_get, topology.PARKED, no_ack=True)
    except Garbled:
        return True
    if found:
        properties = {k: value for k, value in found.properties.items() if k != "delivery_mode"}
        key = found.delivery_info["routing_key"]
        _put_back(broker, OutgoingMessage(topology.PARKED, key, body_of(found), properties))
    return False


def _put_back(broker: Broker, message: OutgoingMessage) -> None:
    """Publish the only copy of a message until RabbitMQ confirms it, whatever it refuses."""
    sink: Sink[None] = Sink(broker)
    fate = Fate.REFUSED
    while fate is not Fate.CONFIRMED:
        sink.publish(message, None)
        while not (outcomes := sink.outcomes()):
            broker.wait(_PATIENCE_SECONDS)
        [(_, fate, _)] = outcomes


def _again(each: ParkedMessage, queue: str) -> OutgoingMessage:
    """Return a parked message as its upstream sent it, for its source queue alone."""
    properties = dict(each.properties)
    kept: dict[str, Any] = {
        name: value for name, value in properties.pop("headers").items() if name not in _ROUTING
    }
    properties["application_headers"] = kept | headers(
        Replayed(
            replays=each.replays + 1,
            exchange=each.exchange,
            routing_key=each.routing_key,
            first_failure=each.first_failure,
            texts=frozenset(each.texts),
            place=each.place,
        )
    )
    return OutgoingMessage("", queue, each.body, properties)
