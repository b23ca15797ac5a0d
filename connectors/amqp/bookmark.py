"""How far a stream was read: kept at RabbitMQ, and one reader at a time.

A stream keeps its messages when they were read, and over AMQP 0-9-1 RabbitMQ keeps no offset for
a consumer. So the place is a message of our own in a queue that holds one: as durable as the stream
itself. Redis may lose what it holds, and with it messages would be skipped.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import amqp
import msgspec

from connectors.amqp.connection import Refused
from connectors.amqp.publisher import PERSISTENT

if TYPE_CHECKING:
    from connectors.amqp.connection import Broker

_SEAL_BYTES = 8


class Taken(Refused):
    """Another process reads the stream; it can be taken over when that one ends."""


class Place(msgspec.Struct, frozen=True):
    """A message of a stream: it, and all before it, are settled.

    Attributes:
        seal: Digest of its body: another stream may bear the name by now.
        purpose: What else it is for.
        end: Offset at which a reader stops; None for one that goes on.
    """

    stream: str
    offset: int
    seal: str
    purpose: str = ""
    end: int | None = None


_decode = msgspec.json.Decoder(Place).decode
_encode = msgspec.json.Encoder().encode


def seal(body: bytes) -> str:
    """Return what tells a message from another one with its offset."""
    return blake2b(body, digest_size=_SEAL_BYTES).hexdigest()


class Bookmark:
    """The place in a stream, on the channel of its reader."""

    def __init__(self, broker: Broker, channel: Any, queue: str) -> None:  # noqa: ANN401 - py-amqp has no types
        """Write by a channel to the queue that holds the place, which is declared already."""
        self._broker = broker
        self._channel = channel
        self._queue = queue

    def take(self) -> None:
        """Become the one reader, until the connection ends.

        Raises:
            Taken: There is one already.
        """
        # an exclusive queue is gone with its connection, whatever ends that
        try:
            self._broker.attempt(
                self._channel.queue_declare, f"{self._queue}.reader", exclusive=True
            )
        except Refused as refused:
            if "RESOURCE_LOCKED" in str(refused):
                raise Taken(str(refused)) from refused
            raise

    def read(self) -> Place | None:
        """Return the place that was written last; None where there is none."""
        return read(self._broker, self._queue)

    def write(self, place: Place) -> None:
        """Keep a place.

        No confirm is waited for: should it be lost, the one before serves, and messages are read
        again that were settled.
        """
        message = amqp.Message(_encode(place), delivery_mode=PERSISTENT)
        self._broker.attempt(self._channel.basic_publish, message, routing_key=self._queue)


def read(broker: Broker, queue: str) -> Place | None:
    """Return the place that a queue holds; None where there is none.

    Raises:
        Refused: There is no such queue, or we may not read it.
    """
    channel = broker.channel()
    found = None
    while message := broker.attempt(channel.basic_get, queue):
        try:
            found = _decode(message.body)
        except msgspec.MsgspecError:
            continue  # somebody else's
    # what was fetched goes back with the channel
    broker.attempt(channel.close)
    return found
