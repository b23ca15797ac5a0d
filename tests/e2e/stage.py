"""A bus with real processes on it, seen by a client that is not ours."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import pika

from tests.processes import Process, running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pika.adapters.blocking_connection import BlockingChannel

INPUT = "sentiment.input"
SOURCE = "sentiment.source.input"
PARKED = "sentiment.parked"
_SEEN = "seen"


class Stage:
    """Processes by the settings in `env`, and a pika connection beside them.

    Attributes:
        env: What every process is given.
        events: Every event that was taken off the bus so far.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = dict(env)
        self.events: list[dict[str, Any]] = []
        self._stack = ExitStack()
        self._channel: BlockingChannel

    def __enter__(self) -> Self:
        parameters = pika.URLParameters(self.env["TONEBUS_BROKER_URL"])
        connection = self._stack.enter_context(pika.BlockingConnection(parameters))
        self._channel = connection.channel()
        self._channel.confirm_delivery()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, command: str, *arguments: str, ready: str | None = None, **env: str) -> Process:
        """Start a process; it is killed when the stage ends."""
        return self._stack.enter_context(
            running(command, *arguments, env=self.env | env, ready=ready)
        )

    def watch(self) -> None:
        """From now on keep every event; a daemon must have declared the exchange."""
        self._channel.queue_declare(_SEEN, durable=True)
        self._channel.queue_bind(_SEEN, "sentiment.results", "#")

    def publish(self, texts: Iterable[tuple[str, str]]) -> None:
        """Publish messages, each an id and a text, and wait for every confirm."""
        for identity, text in texts:
            self.send(json.dumps({"text": text, "id": identity}).encode())

    def send(self, body: bytes, **properties: Any) -> None:
        """Publish one body, and wait for its confirm."""
        self._channel.basic_publish(
            INPUT, "a.key", body, pika.BasicProperties(delivery_mode=2, **properties), True
        )

    def collect(self, count: int, *, timeout: float = 60) -> list[dict[str, Any]]:
        """Wait until so many events came in all; give all that came."""
        until(lambda: len(self._taken()) >= count, timeout=timeout)
        return self.events

    def subjects(self, wanted: set[str], *, timeout: float = 60) -> list[dict[str, Any]]:
        """Wait until each of these messages has an event; give all that came."""
        until(lambda: wanted <= {event["subject"] for event in self._taken()}, timeout=timeout)
        return self.events

    def depth(self, queue: str) -> int:
        """Messages that wait in a queue."""
        declared = self._channel.queue_declare(queue, passive=True)
        return int(declared.method.message_count)

    def await_empty(self, queue: str) -> None:
        """Wait until nothing waits in a queue."""
        until(lambda: self.depth(queue) == 0)

    def delete(self, queue: str) -> None:
        """Delete a queue with all that is in it."""
        self._channel.queue_delete(queue)

    def take(self, queue: str) -> list[tuple[pika.BasicProperties, bytes]]:
        """Take all that waits in a queue."""
        found: list[tuple[pika.BasicProperties, bytes]] = []
        while True:
            method, properties, body = self._channel.basic_get(queue, auto_ack=True)
            if method is None or properties is None or body is None:
                return found
            found.append((properties, body))

    def _taken(self) -> list[dict[str, Any]]:
        self.events += [json.loads(body) for _, body in self.take(_SEEN)]
        return self.events
