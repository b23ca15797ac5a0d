"""Consume from a stream: in its order, from where the last reader was."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from connectors.amqp import bookmark
from connectors.amqp.bookmark import Place, seal
from connectors.amqp.connection import body_of
from connectors.amqp.consumer import Consumer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.amqp.connection import Broker
    from connectors.delivery import Delivery

OFFSET = "x-stream-offset"
WORDS = ("first", "last", "next")
_MOVING = ("last", "next")
"""What they mean changes with each message that is written."""
_KEEP_SECONDS = 1.0
_FIND_SECONDS = 30.0
_LAST_MESSAGES = 10_000
_LAST_SECONDS = 3.0
_QUIET_SECONDS = 0.3
_log = structlog.get_logger(__name__)


def start_of(offset: str | int) -> str | int | datetime:
    """Return where to begin, as RabbitMQ takes it.

    Args:
        offset: A word of RabbitMQ's, the number of a message, or a time by ISO 8601, in UTC unless
            it says otherwise.

    Raises:
        ValueError: It is none of these.
    """
    if isinstance(offset, int):
        if offset < 0:
            raise ValueError("the first message has offset 0")
        return offset
    if offset in WORDS:
        return offset
    found = datetime.fromisoformat(offset)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class StreamConsumer(Consumer):
    """The consuming channel of one connector that reads a stream.

    A stream takes nothing back: `basic.nack` and `basic.reject` would end the connection. What is
    not settled is read again from the place that is kept, which is the last delivery of which
    every earlier one is settled. For that, deliveries are acknowledged in their order alone, so
    that no more than the prefetch is read again.

    Attributes:
        end: Offset of the last message to be read; None where there is no end.
    """

    def __init__(
        self, broker: Broker, connector: str, *, keep: str, ends: bool = False, purpose: str = "",
        skip: bool = False, **options: Any,  # noqa: ANN401 - the consumer's own
    ) -> None:  # fmt: skip
        """Open the channel.

        Args:
            broker: A connected broker.
            connector: Whose messages these are.
            keep: Queue that holds the place.
            ends: Whether to stop at the message that is the last one when reading begins.
            purpose: What else the place is for: another purpose starts at the beginning.
            skip: Whether to pass over the first message: RabbitMQ cannot hand it over.
            options: Of `Consumer`.
        """
        super().__init__(broker, connector, hold_bytes=0, **options)
        self._keeper = keep
        self._ends = ends
        self._purpose = purpose
        self._skip = skip
        self._stream = ""
        self._read = -1
        self._sought: Place | None = None
        self._sought_until = 0.0
        self._lost = False
        self._place: Place | None = None
        self.end: int | None = None
        self._first: int | None = None
        self._keep_at = 0.0

    def start(self, queue: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Start deliveries behind the place that is kept, else as the arguments say.

        Raises:
            Taken: Another process reads the stream.
            Refused: RabbitMQ allows no consumer there.
        """
        self._stream = queue
        arguments = dict(arguments or {})
        offset = arguments[OFFSET]
        kept = self._placed()
        place = kept or self._begin(offset)
        if place:
            self.end, self._first = place.end, place.first
        if self._skip:
            place = self._pass_over(place, offset)
        if place and place.offset >= 0 and not place.seal:
            # a message that was passed over, or never read
            arguments[OFFSET] = place.offset + 1
        elif place and place.offset >= 0:
            # the message itself, to see that the stream is still the same
            arguments[OFFSET] = place.offset
            self._sought, self._sought_until = place, time.monotonic() + _FIND_SECONDS
        elif place and offset in _MOVING:
            arguments[OFFSET] = "first"
        _log.info(
            "stream_opened", connector=self._connector, stream=queue,
            place=kept.offset if kept else None, offset=None if kept else str(offset),
        )  # fmt: skip
        super().start(queue, arguments)

    def _pass_over(self, place: Place | None, offset: object) -> Place | None:
        """Keep the place behind the next message, if its offset is known."""
        before = place.offset if place else {"first": -1}.get(str(offset), offset)
        if not isinstance(before, int):
            return place
        # an offset of the settings is that of the message itself
        passed = before + 1 if place or offset == "first" else before
        _log.error(
            "stream_message_skipped", connector=self._connector, stream=self._stream, offset=passed
        )
        self._place = found = self._place_of(passed, "")
        self._keep()
        return found

    def _begin(self, offset: object) -> Place | None:
        """Keep the place before the first message to be read, where it would not be found again.

        Else a reader that ends before it has settled a message would skip what was written.
        """
        if not (self._ends or offset in _MOVING):
            return None
        first, last, body = last_chunk(self._broker, self._stream)
        self.end = last if self._ends else None
        if offset == "next":
            self._first = last + 1
            self._place = self._place_of(last, seal(body))
        else:
            self._place = self._place_of(first - 1 if offset == "last" else -1, "")
        place = self._place
        self._keep()
        return place

    def _placed(self) -> Place | None:
        """Become the one reader, and return where the last one was; None where there was none."""
        bookmark.take(self._broker, self._channel, self._keeper)
        place = bookmark.read(self._broker, self._keeper)
        if place and (place.stream, place.purpose) != (self._stream, self._purpose):
            _log.info("place_dropped", connector=self._connector, stream=place.stream)
            return None
        return place

    def flush(self) -> None:
        """Acknowledge the unbroken run from the oldest on, and keep the place now and then."""
        if not self.live:
            return
        late = self._sought and time.monotonic() > self._sought_until
        if self._tag and (self._lost or late):
            self._start_over()
        if run := self._acknowledge_run():
            last = run[-1]
            self._place = self._place_of(last.offset, seal(last.body))
        if self._place and time.monotonic() >= self._keep_at:
            self._keep()

    @property
    def finished(self) -> bool:
        """Whether the end was reached, and all before it is settled."""
        return self.end is not None and self._read >= self.end and not self._unsettled

    @property
    def total(self) -> int:
        """Messages from the first that was read up to the end."""
        return 0 if self.end is None else self.end + 1 - (self._first or 0)

    @property
    def done(self) -> int:
        """Messages that are settled, in this run or before."""
        read = self._read + 1 - (self._first or 0)
        return max(0, min(read, self.total) - len(self._unsettled))

    def _place_of(self, offset: int, mark: str) -> Place:
        return Place(self._stream, offset, mark, self._purpose, self.end, self._first)

    def _give_back(self) -> None:
        self._keep()

    def _keep(self) -> None:
        if self._place and not self._broker.blocked:
            bookmark.write(self._broker, self._channel, self._keeper, self._place)
            self._place, self._keep_at = None, time.monotonic() + _KEEP_SECONDS

    def _accepts(self, delivery: Delivery) -> bool:
        accepts = self._wants(delivery)
        if accepts and self._first is None:
            self._first = self._read
        return accepts

    def _wants(self, delivery: Delivery) -> bool:
        """Record the offset that was read; return whether the delivery is to be processed."""
        found = delivery.headers.get(OFFSET)
        # where properties cannot be read, the offset among them cannot either
        self._read = found if isinstance(found, int) else self._read + 1
        delivery.offset, delivery.stream = self._read, self._stream
        if self._lost:
            return False
        sought, self._sought = self._sought, None
        if sought is None:
            return self.end is None or self._read <= self.end
        if self._read > sought.offset:
            if self._read > sought.offset + 1:
                _log.warning(
                    "stream_cut", connector=self._connector, stream=self._stream,
                    place=sought.offset, first=self._read,
                )  # fmt: skip
            return True
        self._lost = sought.seal not in {"", seal(delivery.body)}
        return False

    def _start_over(self) -> None:
        """Begin at the first message: the message at the kept place is another one."""
        _log.warning("stream_replaced", connector=self._connector, stream=self._stream)
        self.cancel()
        self._lost, self._sought, self._read, self._first = False, None, -1, None
        super().start(self._stream, {OFFSET: "first"})


class Chunk(NamedTuple):
    """Messages of a stream that were written at once.

    Attributes:
        first: Offset of its first message; 0 where the stream is empty.
        last: Offset of its last message; -1 where the stream is empty.
        body: Body of its last message.
    """

    first: int
    last: int
    body: bytes


def last_chunk(broker: Broker, stream: str) -> Chunk:
    """Return the end of a stream. RabbitMQ has no command for it, but delivers the last chunk."""
    channel, found = broker.channel(), list[tuple[int, bytes]]()
    broker.attempt(channel.basic_qos, 0, _LAST_MESSAGES, False)
    heard = time.monotonic()

    def on_message(message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        nonlocal heard
        heard = time.monotonic()
        following = found[-1][0] + 1 if found else 0
        found.append((message.headers.get(OFFSET, following), body_of(message)))

    broker.attempt(channel.basic_consume, stream, callback=on_message, arguments={OFFSET: "last"})
    until = time.monotonic() + _LAST_SECONDS
    while (now := time.monotonic()) < until and not (found and now > heard + _QUIET_SECONDS):
        broker.wait(_QUIET_SECONDS)
    broker.attempt(channel.close)
    return Chunk(found[0][0], *found[-1]) if found else Chunk(0, -1, b"")
