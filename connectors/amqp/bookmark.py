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
        first: Offset of the first message that was read; None before there was one.
    """

    stream: str
    offset: int
    seal: str
    purpose: str = ""
    end: int | None = None
    first: int | None = None


_decode = msgspec.json.Decoder(Place).decode
_encode = msgspec.json.Encoder().encode


def seal(body: bytes) -> str:
    """Return what tells a message from another one with its offset."""
    return blake2b(body, digest_size=_SEAL_BYTES).hexdigest()


def take(broker: Broker, channel: Any, queue: str) -> None:  # noqa: ANN401 - py-amqp has no types
    """Become the one reader of the stream whose place a queue holds, until the connection ends.

    Raises:
        Taken: There is one already.
    """
    # an exclusive queue is gone with its connection, whatever ends that
    try:
        broker.attempt(channel.queue_declare, f"{queue}.reader", exclusive=True)
    except Refused as refused:
        if "RESOURCE_LOCKED" in str(refused):
            raise Taken(str(refused)) from refused
        raise


def write(broker: Broker, channel: Any, queue: str, place: Place) -> None:  # noqa: ANN401 - as above
    """Keep a place in a queue, which is declared already.

    No confirm is waited for: should it be lost, the one before serves, and messages are read again
    that were settled.
    """
    message = amqp.Message(_encode(place), delivery_mode=PERSISTENT)
    broker.attempt(channel.basic_publish, message, routing_key=queue)


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
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue  # somebody else's
    # what was fetched goes back with the channel
    broker.attempt(channel.close)
    return found
