"""Ask Celery workers for scores without blocking: requests go out, replies are collected.

A request is a message of Celery's task protocol, version 2, which Celery itself would take ten
times as long to write: https://docs.celeryq.dev/en/stable/internals/protocol.html
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import structlog

from connectors.amqp import topology
from connectors.amqp.presence import backlog_by
from connectors.errors import BadInput, Unavailable
from connectors.messages import OutgoingMessage
from connectors.ports import NO_HEADERS
from connectors.scoring.protocol import TASK, TRANSIENT, Unreadable, read_reply, task_body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.amqp.connection import Broker
    from connectors.scoring.protocol import Reply

_log = structlog.get_logger(__name__)


class Scoring:
    """The requesting channel of one connection, a `ScoringEdge`, with its own reply queue."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._channel = broker.channel()
        self._replies: list[Reply] = []
        declared = broker.attempt(self._channel.queue_declare, "", exclusive=True)
        self._reply_to = declared.queue
        broker.attempt(
            self._channel.basic_consume, self._reply_to, no_ack=True, callback=self._on_reply,
            on_cancel=self._on_cancel,
        )  # fmt: skip

    def ask(
        self, model: str, texts: Sequence[str], *, urgent: bool, timeout: float,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> str:  # fmt: skip
        request = uuid.uuid4().hex
        outgoing = OutgoingMessage(
            "",
            topology.scoring_queue(model).name,
            task_body(texts),
            {
                "content_type": "application/json",
                "content_encoding": "utf-8",
                "application_headers": {"lang": "py", "task": TASK, "id": request, **headers},
                "delivery_mode": TRANSIENT,
                "priority": topology.URGENT if urgent else topology.BULK,
                "correlation_id": request,
                "reply_to": self._reply_to,
                # the broker's clock decides, for the clocks of two hosts may differ
                "expiration": str(round(timeout * 1000)),
            },
            mandatory=False,
        )
        self._broker.attempt(self._channel.publish, outgoing)
        return request

    def replies(self) -> list[Reply]:
        taken, self._replies = self._replies, []
        return taken

    def workers(self, model: str) -> int:
        name = topology.scoring_queue(model).name
        return backlog_by(self._broker, self._channel, name).consumers or 0

    def _on_cancel(self, _tag: str) -> None:
        raise Unavailable("the queue for workers' replies was deleted")

    def _on_reply(self, message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        try:
            self._replies.append(read_reply(message.body))
        except BadInput as error:
            request = message.properties.get("correlation_id", "")
            _log.warning("reply_unreadable", request=request, error=error.detail)
            if request:
                self._replies.append(Unreadable(request))
