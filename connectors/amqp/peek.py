"""Look at the first messages of a queue without taking them."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from amqp import spec

from connectors.amqp.connection import Refused
from connectors.amqp.presence import backlog_by

if TYPE_CHECKING:
    from connectors.amqp.connection import Broker


_RETURN_SECONDS = 5.0
_LOOK_SECONDS = 0.02


def peek(broker: Broker, queue: str, limit: int) -> list[Any]:
    """Return the first messages of a queue, as py-amqp has them, and give them back to it.

    Consumers do not get them for that moment. A classic queue has them in their order again; a
    quorum queue may put them behind others, and before RabbitMQ 4.3 counts a delivery of each.

    Raises:
        Refused: There is no such queue, or it cannot be read in this way, as a stream.
    """
    channel = broker.channel()
    try:
        fetched = iter(lambda: broker.attempt(channel.basic_get, queue), None)
        found = list(islice(fetched, limit))
    except Refused as refused:
        raise Refused(
            f"{refused}. Fix: name a classic or quorum queue that exists (see `rabbitmqctl "
            "list_queues`) and that this user may read"
        ) from None
    give_back(broker, channel, queue, len(found))
    return found


def give_back(broker: Broker, channel: Any, queue: str, held: int) -> None:  # noqa: ANN401 - py-amqp's
    """Put back the messages that a channel holds, close it, and wait until the queue has them."""
    left = backlog_by(broker, channel, queue).messages
    # a channel that is closed with messages in hand gives them back in any order
    broker.attempt(channel.send_method, spec.Basic.Recover, "b", (True,), wait=spec.Basic.RecoverOk)
    broker.attempt(channel.close)
    channel = broker.channel()
    # not for ever: somebody else may have taken some by now
    patience = time.monotonic() + _RETURN_SECONDS
    while backlog_by(broker, channel, queue).messages < left + held:
        if time.monotonic() > patience:
            break
        broker.wait(_LOOK_SECONDS)
    broker.attempt(channel.close)
