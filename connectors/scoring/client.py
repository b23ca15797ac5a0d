"""Ask Celery workers for scores without blocking: requests go out, replies are collected."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import kombu
import structlog

from connectors.amqp import topology
from connectors.amqp.presence import backlog_by
from connectors.errors import BadInput, Unavailable
from connectors.ports import NO_HEADERS
from connectors.scoring.celery_app import celery_queue
from connectors.scoring.protocol import TASK, Unreadable, read_reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from celery import Celery

    from connectors.amqp.connection import Broker
    from connectors.scoring.protocol import Reply

_log = structlog.get_logger(__name__)


class Scoring:
    """The requesting channel of one connection, a `ScoringEdge`, with its own reply queue."""

    def __init__(self, broker: Broker, app: Celery) -> None:
        self._broker = broker
        # replies come to the queue below; Celery's own backend would declare one more before each
        # request, wait for the answer, and go on when there is none
        app.conf.result_backend = "disabled"
        self._app = app
        self._channel = broker.channel()
        self._producer = kombu.Producer(self._channel)
        self._queues: dict[str, kombu.Queue] = {}
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
        queue = self._queues.setdefault(model, celery_queue(model))
        self._broker.attempt(
            self._app.send_task,
            TASK,
            [list(texts)],
            task_id=request,
            reply_to=self._reply_to,
            queue=queue,
            declare=[],
            producer=self._producer,
            priority=topology.URGENT if urgent else topology.BULK,
            # the broker's clock decides, for the clocks of two hosts may differ
            expiration=timeout,
            headers=dict(headers),
            argsrepr="…",
            kwargsrepr="…",
            retry=False,
        )
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
