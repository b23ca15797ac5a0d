"""A stand-in for py-amqp's connection and channel: it keeps what it was told, and says our lines.

So what our edges say to the broker can be checked call by call, and the broker's answers can come
in any order that the protocol allows.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import amqp
from amqp import spec

from connectors.amqp.connection import Broker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connectors.messages import OutgoingMessage


class Channel:
    """One channel."""

    def __init__(self) -> None:
        self.events: dict[str, set[Callable[..., None]]] = defaultdict(set)
        self.acks: list[tuple[int, bool]] = []
        self.published: list[OutgoingMessage] = []
        self.consumers: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {}
        self.qos: tuple[int, int, bool] | None = None
        self.confirming = self.closed = False
        self.on_broken: Callable[[int, str], object] = lambda _code, _reason: None
        self.nacks: list[tuple[int, bool, bool]] = []
        self.rejected: list[int] = []

    def basic_qos(self, size: int, count: int, shared: bool) -> None:
        self.qos = (size, count, shared)

    def basic_consume(
        self, queue: str, *, callback: Any, on_cancel: Any, arguments: Any  # noqa: ARG002 - py-amqp's
    ) -> str:  # fmt: skip
        self.consumers[queue] = (callback, on_cancel)
        return queue

    def basic_cancel(self, consumer: str) -> None:
        del self.consumers[consumer]

    def basic_ack(self, tag: int, multiple: bool = False) -> None:
        self.acks.append((tag, multiple))

    def basic_reject(self, tag: int, requeue: bool) -> None:
        assert not requeue
        self.rejected.append(tag)

    def send_method(self, method: Any, form: str, values: tuple[int, bool, bool]) -> None:
        assert (method, form) == (spec.Basic.Nack, "Lbb")
        self.nacks.append(values)

    def confirm_select(self) -> None:
        self.confirming = True

    def publish(self, outgoing: OutgoingMessage) -> None:
        self.published.append(outgoing)

    def close(self) -> None:
        self.closed = True

    def deliver(
        self, queue: str, tag: int, body: bytes | str = b"{}",
        headers: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Say `basic.deliver`."""
        message = amqp.Message(body, application_headers=dict(headers or {}))
        message.delivery_info = {
            "delivery_tag": tag,
            "redelivered": False,
            "exchange": "sentiment.input",
            "routing_key": "key",
        }
        self.consumers[queue][0](message)

    def say(self, event: str, *what: Any) -> None:
        """Say `basic_ack`, `basic_nack` or `basic_return`."""
        for listener in self.events[event]:
            listener(*what)


class Connection:
    """The connection around it."""

    def __init__(self) -> None:
        self.opened = Channel()

    def channel(self) -> Channel:
        return self.opened


def line() -> tuple[Broker, Channel]:
    """A broker of ours on a scripted connection, and the channel that it will open."""
    broker = Broker("amqp://localhost", name="tests", heartbeat=10, connect_timeout=1)
    connection = Connection()
    broker._connection = connection
    return broker, connection.opened
