"""Try publishing and consuming at a live broker, unseen by every consumer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import amqp

from connectors.amqp.presence import refused_publish
from connectors.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.amqp.connection import Broker

_PATIENCE = 5.0
_PRECONDITION = "PRECONDITION_FAILED"


def round_trip(broker: Broker) -> float:
    """Have a message go through the broker and come back; return the seconds that it took.

    It is published persistent and mandatory to a private queue, confirmed, delivered and
    acknowledged: all that a daemon does with a message, on a queue that vanishes with us.

    Raises:
        Unavailable: It was refused, or did not come back in time.
    """
    channel = broker.channel()
    queue = broker.attempt(channel.queue_declare, "", exclusive=True).queue
    seen: list[str] = []

    def on_message(message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        channel.basic_ack(message.delivery_info["delivery_tag"])
        seen.append("delivered")

    broker.attempt(channel.confirm_select)
    channel.events["basic_ack"].add(lambda *_: seen.append("confirmed"))
    consumer = broker.attempt(channel.basic_consume, queue, callback=on_message)
    begun = time.monotonic()
    probe = amqp.Message(b"", delivery_mode=2)
    broker.attempt(channel.basic_publish, probe, routing_key=queue, mandatory=True)
    while (missing := {"delivered", "confirmed"} - set(seen)) and not broker.blocked:
        left = begun + _PATIENCE - time.monotonic()
        if left <= 0:
            raise Unavailable(f"a message to a private queue was not {min(missing)} in time")
        broker.wait(left)
    if broker.blocked:
        # it reads nothing more from this connection: a question would wait for its answer for ever
        raise Unavailable("RabbitMQ has blocked publishers: it is short of memory or disk space")
    took = time.monotonic() - begun
    broker.attempt(channel.basic_cancel, consumer)
    broker.attempt(channel.queue_delete, queue)
    broker.attempt(channel.close)
    return took


def refusals(broker: Broker, exchanges: Iterable[str]) -> dict[str, str]:
    """Find the exchanges that we may not publish to; return what the broker says of each."""
    said = {exchange: refused_publish(broker, exchange) for exchange in exchanges}
    return {exchange: why for exchange, why in said.items() if _PRECONDITION not in why}
