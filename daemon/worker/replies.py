"""How a worker's replies leave: as Celery's, put into frames by us."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
from amqp.exceptions import RecoverableConnectionError
from celery.backends.rpc import RPCBackend

from connectors.amqp.frames import publication
from connectors.messages import OutgoingMessage
from connectors.scoring.protocol import TRANSIENT


class Replies(RPCBackend):  # type: ignore[misc]  # Celery has no types
    """Celery's backend for replies, in a third of its time: two leave for each batch.

    A reply has what a daemon reads. Celery would add the traceback of an error, which may quote a
    text.
    """

    def store_result(
        self, task_id: str, result: object, state: str, *, request: object = None, **_: object
    ) -> object:
        """Send how a request stands, on a new connection where the one for replies is lost."""
        reply_to, request_id = self.destination_for(task_id, request)
        reply = OutgoingMessage(
            "",
            reply_to,
            msgspec.json.encode(
                {"task_id": task_id, "status": state, "result": self.encode_result(result, state)}
            ),
            {
                "content_type": "application/json",
                "content_encoding": "utf-8",
                "delivery_mode": TRANSIENT,
                "correlation_id": request_id,
            },
            mandatory=False,
        )
        with self.app.amqp.producer_pool.acquire(block=True) as producer:
            send = producer.connection.ensure(producer, _send, **self.retry_policy)
            send(producer, reply)
        return result


def _send(producer: Any, reply: OutgoingMessage) -> None:  # noqa: ANN401 - kombu has no types
    channel = producer.channel
    connection = channel.connection
    if connection is None:
        raise RecoverableConnectionError("connection already closed")
    # nobody else reads what RabbitMQ says on it, such as that it has closed the channel
    with suppress(TimeoutError):
        connection.drain_events(timeout=0)
    connection.transport.write(publication(channel.channel_id, reply, connection.frame_max))
    # tells the heartbeat that none needs to be sent
    connection.bytes_sent += 1
