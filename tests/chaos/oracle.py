"""The oracle at the bus: one thread publishes, one collects, through a client that is not ours."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import TYPE_CHECKING

import pika
from pika.exceptions import AMQPError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pika.adapters.blocking_connection import BlockingChannel

    from tests.chaos.ledger import Ledger
    from tests.chaos.traffic import Message

RESULTS, PARKED = "sentiment.results", "sentiment.parked"
COLLECTED = "oracle.results"
_PERSISTENT = 2
_AGAIN_SECONDS = 0.2
_LARGEST_BURST = 40


class Publisher:
    """Publishes with confirms, in bursts, as far as it is allowed; again until it is confirmed.

    Attributes:
        failed_attempts: Attempts to publish that the broker did not confirm.
    """

    def __init__(
        self, url: str, ledger: Ledger, messages: Iterable[Message], *, rate: float, seed: int
    ) -> None:
        """Prepare.

        Args:
            url: The broker's own, not a proxy's.
            ledger: Where it is written down.
            messages: What to publish.
            rate: Messages a second, over some bursts.
            seed: Of the bursts.
        """
        self._url = url
        self._ledger = ledger
        self._messages = messages
        self._rate = rate
        self._dice = random.Random(seed)
        self._allowed = 0
        self._gate = threading.Condition()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self.failed_attempts = 0

    def start(self) -> None:
        self._thread.start()

    def allow(self, count: int) -> None:
        """Let it publish up to so many messages in all."""
        with self._gate:
            self._allowed = max(self._allowed, count)
            self._gate.notify_all()

    def hold(self) -> None:
        """Let it publish nothing more."""
        with self._gate:
            self._allowed = 0

    def close(self) -> None:
        self._closing.set()
        self.allow(0)
        self._thread.join(30)

    def _run(self) -> None:
        burst = 0
        for number, message in enumerate(self._messages):
            with self._gate:
                while number >= self._allowed and not self._closing.is_set():
                    self._gate.wait()
            if self._closing.is_set():
                return
            self._ledger.announce(message)
            self._publish(message)
            self._ledger.confirm(message)
            burst -= 1
            if burst <= 0:
                burst = self._dice.randint(1, _LARGEST_BURST)
                # the pace of the traffic
                self._closing.wait(burst / self._rate)

    def _publish(self, message: Message) -> None:
        properties = pika.BasicProperties(
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            delivery_mode=_PERSISTENT,
            correlation_id=message.key,
        )
        while not self._closing.is_set():
            try:
                if not self._channel:
                    self._connection = pika.BlockingConnection(pika.URLParameters(self._url))
                    self._channel = self._connection.channel()
                    self._channel.confirm_delivery()
                self._channel.basic_publish(
                    message.exchange, "chaos.test", message.body, properties, mandatory=True
                )
            except (AMQPError, OSError):
                self._channel = None
                self.failed_attempts += 1
                self._closing.wait(_AGAIN_SECONDS)
            else:
                return


class Collector:
    """Consumes events and parked messages, and writes each down before it acknowledges it.

    Attributes:
        full: While set, parked messages are left in their queue.
    """

    def __init__(self, url: str, ledger: Ledger, full: threading.Event | None = None) -> None:
        """Prepare.

        Args:
            url: The broker's own, not a proxy's.
            ledger: Where it is written down.
            full: As above; nobody sets it where it is not given.
        """
        self._url = url
        self._ledger = ledger
        self.full = full or threading.Event()
        self._closing = threading.Event()
        self._noted: set[int] = set()
        self._threads = [
            threading.Thread(target=self._run, args=(queue, note), name=queue, daemon=True)
            for queue, note in ((COLLECTED, self._event), (PARKED, self._parked))
        ]

    def start(self) -> None:
        """Bind a queue of our own, and listen; return when nothing can be missed any more."""
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.queue_declare(COLLECTED, durable=True, arguments={"x-queue-type": "quorum"})
        channel.queue_bind(COLLECTED, RESULTS, "#")
        connection.close()
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, queue: str, note: Callable[[pika.BasicProperties, bytes], None]) -> None:
        while not self._closing.is_set():
            if self._leaves(queue):
                self._closing.wait(_AGAIN_SECONDS)
                continue
            try:
                self._consume(queue, note)
            except (AMQPError, OSError):
                self._closing.wait(_AGAIN_SECONDS)

    def _consume(self, queue: str, note: Callable[[pika.BasicProperties, bytes], None]) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        try:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=200)
            for method, properties, body in channel.consume(queue, inactivity_timeout=0.1):
                if self._closing.is_set() or self._leaves(queue):
                    return
                if method is None or properties is None or body is None:
                    continue
                copy = hash((queue, body, str(properties.headers)))
                # what comes again for want of our own acknowledgement is nobody's duplicate: one
                # that was published again tells another time
                if not (method.redelivered and copy in self._noted):
                    self._noted.add(copy)
                    note(properties, body)
                channel.basic_ack(method.delivery_tag)
        finally:
            if connection.is_open:
                connection.close()

    def _leaves(self, queue: str) -> bool:
        return queue == PARKED and self.full.is_set()

    def _event(self, properties: pika.BasicProperties, body: bytes) -> None:
        event = json.loads(body)
        self._ledger.event(properties.correlation_id or "?", event["id"], event["data"])

    def _parked(self, properties: pika.BasicProperties, _body: bytes) -> None:
        headers = properties.headers or {}
        self._ledger.parked(properties.correlation_id or "?", headers.get("tonebus-code", "dead"))


def pause_until(holds: Callable[[], bool], *, timeout: float, every: float = 0.02) -> bool:
    """Wait until something holds; return False where the time ran out."""
    deadline = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
