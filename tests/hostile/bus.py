"""A client of the bus that sends what it likes, and sees what comes of it."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import amqp
import pika
import pika.exceptions

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

INPUT, RESULTS, PARKED = "sentiment.input", "sentiment.results", "sentiment.parked"
CANARY = "zanzibar quokka 7f3a91"
"""Stands in every hostile text; it may turn up in no log, no cache and no status."""


@dataclass
class Outcome:
    """What came of one message: its events, and its parked copies as (headers, body)."""

    events: list[dict[str, Any]] = field(default_factory=list)
    parked: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        """Why it was parked; `dead` where RabbitMQ itself did it."""
        return [headers.get("tonebus-code", "dead") for headers, _ in self.parked]


class Bus:
    """Publishes with confirms, and collects events and parked messages by correlation id."""

    def __init__(self, url: str, *, parked: bool = True) -> None:
        """Connect.

        Args:
            url: Of the virtual host in which a daemon has declared everything.
            parked: Whether to read parked messages too, which may be such as no client can read.
        """
        self.url = url
        parameters = pika.URLParameters(url)
        # it is shared by tests that may not look after it for minutes
        parameters.heartbeat = 0
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._channel.confirm_delivery()
        self._queue = self._channel.queue_declare("", exclusive=True).method.queue
        self._channel.queue_bind(self._queue, RESULTS, "#")
        # marks outlive a client, and what one has published would be a repeat for the next
        self._run = uuid.uuid4().hex[:8]
        self._keys = itertools.count(1)
        self._outcomes: dict[str, Outcome] = defaultdict(Outcome)
        self._channel.basic_consume(self._queue, self._on_event, auto_ack=True)
        if parked:
            self._channel.basic_consume(PARKED, self._on_parked, auto_ack=True)

    def send(
        self, body: bytes, *, routing_key: str = "hostile.case", exchange: str = INPUT,
        key: str | None = None, **properties: Any,
    ) -> str:  # fmt: skip
        """Publish; return the correlation id by which its outcome is known."""
        key = key or f"case-{next(self._keys)}"
        self._channel.basic_publish(
            exchange, routing_key, body,
            pika.BasicProperties(correlation_id=key, delivery_mode=2, **properties),
        )  # fmt: skip
        return key

    def say(self, text: str, **fields: Any) -> str:
        """Publish a JSON object with a text."""
        return self.send(json.dumps({"text": text, **fields}).encode())

    def outcome(self, key: str, *, count: int = 1, timeout: float = 60) -> Outcome:
        """Wait for so many outcomes of a message.

        Raises:
            AssertionError: They did not come in time.
        """
        outcome = self._outcomes[key]
        deadline = time.monotonic() + timeout
        while len(outcome.events) + len(outcome.parked) < count:
            assert time.monotonic() < deadline, f"nothing came of {key} in {timeout:g} s"
            self._connection.process_data_events(time_limit=0.05)
        return outcome

    def until_parked(self, key: str) -> Outcome:
        """Wait for the parked copy of a message: it comes after the events of its other texts."""
        outcome = self._outcomes[key]
        until(lambda: outcome.parked, lambda: self._connection.process_data_events(0.05))
        return outcome

    def event(self, key: str, timeout: float = 60) -> dict[str, Any]:
        """Wait for the one event of a message; copies of it under the same id are in order."""
        outcome = self.outcome(key, timeout=timeout)
        assert not outcome.parked, f"parked: {outcome.codes}"
        [event] = {event["id"]: event for event in outcome.events}.values()
        return event

    def parked(self, key: str, timeout: float = 60) -> tuple[dict[str, Any], bytes]:
        """Wait for the one parked copy of a message: its headers and its body."""
        outcome = self.outcome(key, timeout=timeout)
        assert not outcome.events, f"labelled: {outcome.events}"
        [copy] = outcome.parked
        return copy

    @contextlib.contextmanager
    def good_neighbours(self) -> Iterator[None]:
        """A good message before and one after must come through."""
        before = self.say("a good one before", id=f"before-{self._run}-{next(self._keys)}")
        yield
        number = next(self._keys)
        after = self.say(f"a good one after {number}", id=f"after-{self._run}-{number}")
        assert self.event(before)["data"]["tone"] != "none"
        assert self.event(after)["data"]["tone"] != "none"

    def await_depth(self, queue: str, depth: int, timeout: float = 60) -> None:
        """Wait until so many messages are ready in a queue.

        Raises:
            AssertionError: They were not in time.
        """
        deadline = time.monotonic() + timeout
        while (found := self.depth(queue)) != depth:
            assert time.monotonic() < deadline, f"{found} messages in {queue}, not {depth}"
            self._connection.process_data_events(time_limit=0.1)

    def await_consumers(self, queue: str, count: int, timeout: float = 120) -> None:
        """Wait until so many listen to a queue.

        Raises:
            AssertionError: They did not in time.
        """
        deadline = time.monotonic() + timeout
        while (found := self._declared(queue).consumer_count) != count:
            assert time.monotonic() < deadline, f"{found} listen to {queue}, not {count}"
            self._connection.process_data_events(time_limit=0.1)

    def await_queue(self, queue: str) -> None:
        """Wait until a queue that was deleted is there again, bound and consumed."""
        until(lambda: self._is_consumed(queue))

    def is_there(self, queue: str) -> bool:
        """Whether a queue exists."""
        return self._found(queue) is not None

    def _is_consumed(self, queue: str) -> bool:
        found = self._found(queue)
        return bool(found and found.consumer_count)

    def _found(self, queue: str) -> Any:
        channel = self._connection.channel()
        try:
            found = channel.queue_declare(queue, passive=True).method
        except pika.exceptions.ChannelClosedByBroker:
            return None
        channel.close()
        return found

    def depth(self, queue: str) -> int:
        """Messages ready in a queue."""
        return int(self._declared(queue).message_count)

    def _declared(self, queue: str) -> Any:
        return self._channel.queue_declare(queue, passive=True).method

    def open_after(self, keys: list[str], seconds: float) -> list[str]:
        """Collect for so long; return those of the messages of which nothing has come."""
        self._connection.process_data_events(time_limit=seconds)
        return [key for key in keys if self.none_of(key)]

    def any_of(self, keys: list[str], timeout: float) -> None:
        """Wait until something came of one of the messages.

        Raises:
            AssertionError: Nothing came in time.
        """
        deadline = time.monotonic() + timeout
        while all(map(self.none_of, keys)):
            assert time.monotonic() < deadline, f"nothing came of {len(keys)} messages"
            self._connection.process_data_events(time_limit=0.02)

    def none_of(self, key: str) -> bool:
        """Whether nothing has come of a message so far."""
        outcome = self._outcomes[key]
        return not outcome.events and not outcome.parked

    def unbind(self) -> None:
        """Listen to events no longer."""
        self._channel.queue_unbind(self._queue, RESULTS, "#")

    def delete(self, queue: str) -> None:
        """Delete a queue."""
        self._channel.queue_delete(queue)

    def close(self) -> None:
        # a test may have restarted the node under it
        with contextlib.suppress(pika.exceptions.AMQPError):
            self._connection.close()

    def _on_event(
        self, _channel: object, _method: object, properties: pika.BasicProperties, body: bytes
    ) -> None:
        self._outcomes[properties.correlation_id or "?"].events.append(json.loads(body))

    def _on_parked(
        self, _channel: object, _method: object, properties: pika.BasicProperties, body: bytes
    ) -> None:
        copy = (properties.headers or {}, body)
        self._outcomes[properties.correlation_id or "?"].parked.append(copy)


@contextlib.contextmanager
def raw(url: str) -> Iterator[amqp.Channel]:
    """A channel through which `frames` sends what client libraries refuse to encode."""
    parts = pika.URLParameters(url)
    with amqp.Connection(
        f"{parts.host}:{parts.port}", virtual_host=parts.virtual_host
    ) as connection:
        yield connection.channel()
