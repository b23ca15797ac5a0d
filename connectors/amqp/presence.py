"""Whether an exchange or a queue is there, asked so that nothing changes whatever the answer is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import amqp

from connectors.amqp.connection import Refused
from connectors.ports import Backlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.amqp.connection import Broker

Kind = Literal["exchange", "queue"]

_WRONG = "tonebus-probe"


def exists(broker: Broker, kind: Kind, name: str) -> bool:
    """Whether an exchange or a queue is there, on a channel of its own.

    From RabbitMQ 4.3 on, a user who may not configure what is missing is refused, just as one who
    has no right at all on what is there. A use that the broker must refuse tells the two apart,
    for a user who may write to the exchange, or read the queue.

    Raises:
        Refused: We may not know.
    """
    channel = broker.channel()
    call = channel.exchange_declare if kind == "exchange" else channel.queue_declare
    arguments = (name, "topic") if kind == "exchange" else (name,)
    try:
        broker.attempt(call, *arguments, passive=True)
    except Refused as refused:
        if "NOT_FOUND" in str(refused):
            return False
        if "ACCESS_REFUSED" not in str(refused):
            raise
        said = (
            refused_publish(broker, name) if kind == "exchange" else refused_consume(broker, name)
        )
        if "NOT_FOUND" in said:
            return False
        if "PRECONDITION_FAILED" not in said:
            raise
        return True
    broker.attempt(channel.close)
    return True


def is_stream(broker: Broker, queue: str) -> bool | None:
    """Whether a queue is a stream; None where we may not read it. Nothing is consumed."""
    said = refused_consume(broker, queue)
    return said.endswith("of queue type rabbit_stream_queue") if "PRECONDITION" in said else None


def backlog(broker: Broker, queue: str) -> Backlog | None:
    """Return how a queue stands; None where there is none, or where we may not know."""
    channel = broker.channel()
    try:
        found = backlog_by(broker, channel, queue)
    except Refused:
        return None
    broker.attempt(channel.close)
    return found


def backlog_by(broker: Broker, channel: Any, queue: str) -> Backlog:  # noqa: ANN401 - py-amqp has no types
    """Return how a queue stands, by a channel of the caller's.

    Raises:
        Refused: There is no such queue, or we may not know; RabbitMQ has closed the channel.
    """
    found = broker.attempt(channel.queue_declare, queue, passive=True)
    return Backlog(int(found.message_count), int(found.consumer_count))


def refused_publish(broker: Broker, exchange: str) -> str:
    """Publish what the broker must refuse, and return what it says of it.

    RabbitMQ looks at the right to write first, then at the message's properties, and routes last.
    So a message whose expiration is no number, and whose user is not ours, is refused in any case:
    with PRECONDITION_FAILED where a good one would be taken.
    """
    probe = amqp.Message(b"", expiration=_WRONG, user_id=_WRONG)

    def publish(channel: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        channel.basic_publish(probe, exchange=exchange, mandatory=True)
        # RabbitMQ answers this after it has decided on the message
        channel.confirm_select()

    return _refusal(broker, publish)


def refused_consume(broker: Broker, queue: str) -> str:
    """Ask for deliveries in a way that the broker must refuse, and return what it says of it.

    RabbitMQ looks at the right to read first, then for the queue, then at the arguments: a
    priority that is no number is refused with PRECONDITION_FAILED where a good one would do.
    """
    wrong = {"x-priority": _WRONG}
    return _refusal(broker, lambda channel: channel.basic_consume(queue, arguments=wrong))


def _refusal(broker: Broker, ask: Callable[[Any], object]) -> str:
    channel = broker.channel()
    try:
        broker.attempt(ask, channel)
    except Refused as refused:
        return str(refused)
    broker.attempt(channel.close)
    return "the broker took what it should refuse"
