"""Exchanges and queues in memory."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp import topology

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from connectors.amqp.wakeup import Wakeup
    from connectors.messages import OutgoingMessage


class Message(msgspec.Struct):
    exchange: str
    routing_key: str
    body: bytes
    properties: dict[str, Any]
    redelivered: bool = False


class EmbeddedBroker:
    """Exchanges and queues in memory; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bindings: list[tuple[str, re.Pattern[str] | None, str]] = []
        self._alternates: dict[str, str] = {}
        self._queues: dict[str, deque[Message]] = {}
        self._listeners: list[Wakeup] = []

    def declare(self, *parts: topology.Topology) -> None:
        with self._lock:
            for part in parts:
                kinds = {each.name: each.kind for each in part.exchanges}
                for exchange in part.exchanges:
                    if alternate := exchange.arguments.get("alternate-exchange"):
                        self._alternates[exchange.name] = alternate
                for queue in part.queues:
                    self._queues.setdefault(queue.name, deque())
                for binding in part.bindings:
                    fanout = kinds.get(binding.exchange) == "fanout"
                    pattern = None if fanout else topology.topic_pattern(binding.key)
                    bound = (binding.exchange, pattern, binding.queue)
                    if bound not in self._bindings:
                        self._bindings.append(bound)

    def publish(self, outgoing: OutgoingMessage) -> bool:
        """Route a outgoing; False where it reached no queue."""
        message = Message(
            outgoing.exchange, outgoing.routing_key, outgoing.body, outgoing.properties
        )
        with self._lock:
            queues = self._route(outgoing.exchange, outgoing.routing_key)
            for queue in queues:
                self._queues[queue].append(msgspec.structs.replace(message))
        self._wake()
        return bool(queues)

    def take(self, queue: str, limit: int) -> list[Message]:
        """Take messages off a queue; they are gone unless given back."""
        with self._lock:
            waiting = self._queues[queue]
            return [waiting.popleft() for _ in range(min(limit, len(waiting)))]

    def give_back(self, queue: str, messages: Sequence[Message]) -> None:
        """Put messages back at the head of their queue, marked as delivered before."""
        with self._lock:
            for message in reversed(messages):
                message.redelivered = True
                self._queues[queue].appendleft(message)
        self._wake()

    def depth(self, queue: str) -> int | None:
        """Messages that wait in a queue; None where there is no such queue."""
        with self._lock:
            waiting = self._queues.get(queue)
            return None if waiting is None else len(waiting)

    def listen(self, wakeup: Wakeup) -> None:
        self._listeners.append(wakeup)

    def _route(self, exchange: str, key: str) -> list[str]:
        if not exchange:
            return [key] if key in self._queues else []
        found = [
            queue
            for bound, pattern, queue in self._bindings
            if bound == exchange and (pattern is None or pattern.fullmatch(topology.with_dots(key)))
        ]
        if not found and exchange in self._alternates:
            return self._route(self._alternates[exchange], key)
        return list(dict.fromkeys(found))

    def _wake(self) -> None:
        for wakeup in self._listeners:
            wakeup.set()
