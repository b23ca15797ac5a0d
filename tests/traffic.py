"""An upstream that publishes, and a consumer that keeps count."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Self

import pika

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORDS = ["good", "bad", "late", "great", "refund", "service", "again", "never", "thanks", "broken"]


class Traffic:
    """Publishes to the default connector, and collects what comes of it.

    Attributes:
        outcomes: How often something came of a message, by its id.
        event_ids: The ids of the events that came of it.
        revisions: Events by the revision of the model.
    """

    def __init__(self, url: str) -> None:
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()
        self._queue = self._channel.queue_declare("", exclusive=True).method.queue
        for exchange in ("sentiment.results", "sentiment.parked"):
            self._channel.queue_bind(self._queue, exchange, "#")
        self.outcomes: Counter[str] = Counter()
        self.event_ids: dict[str, set[str]] = defaultdict(set)
        self.revisions: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def publish(self, count: int) -> list[str]:
        """Publish so many new texts, each confirmed; return their ids."""
        ids = [uuid.uuid4().hex for _ in range(count)]
        for place, message_id in enumerate(ids):
            self.send(message_id, f"{_WORDS[place % 10]} {_WORDS[place // 10 % 10]} {message_id}")
        return ids

    def send(self, message_id: str, text: str) -> None:
        """Publish one text under an id of the test's own, confirmed."""
        body = json.dumps({"id": message_id, "text": text})
        properties = pika.BasicProperties(
            message_id=message_id, content_type="application/json", delivery_mode=2
        )
        self._channel.basic_publish("sentiment.input", "trial", body, properties)

    def await_outcomes(self, ids: Iterable[str], *, timeout: float = 90) -> None:
        """Wait until something came of each: an event, or a parked copy."""
        wanted = set(ids)
        deadline = time.monotonic() + timeout
        while missing := wanted - self.outcomes.keys():
            assert time.monotonic() < deadline, f"{len(missing)} of {len(wanted)} lost"
            method, _, body = self._channel.basic_get(self._queue, auto_ack=True)
            if method is None or body is None:
                time.sleep(0.05)
                continue
            event = json.loads(body)
            subject = event.get("subject") or event.get("id")
            self.outcomes[subject] += 1
            if "specversion" in event:
                self.event_ids[subject].add(event["id"])
                self.revisions[event["data"]["model"]["revision"]] += 1
