"""Read messages from a file as if they came from a stream: one on each line."""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp.bookmark import seal
from connectors.amqp.stream import StreamConsumer
from connectors.delivery import Delivery
from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


class Line(msgspec.Struct):
    """A message as RabbitMQ's management API and `rabbitmqadmin` give it."""

    payload: str
    properties: dict[str, Any]
    payload_encoding: str = "string"
    exchange: str = ""
    routing_key: str = ""


_decode = msgspec.json.Decoder(Line).decode


class FileConsumer(StreamConsumer):
    """The lines of a file, each a message; its place is kept as that in a stream.

    A line is the body of a message, or a message with its properties, as `Line` has them.
    """

    def __init__(
        self, *args: Any, path: Path, exchange: str, prefetch: int, **options: Any  # noqa: ANN401 - the consumer's own
    ) -> None:  # fmt: skip
        """Take what `StreamConsumer` takes, and the file.

        Args:
            args: Of `StreamConsumer`.
            path: The file.
            exchange: Where messages came from that do not say it themselves.
            prefetch: Lines that may be out.
            options: Of `StreamConsumer`.
        """
        super().__init__(*args, prefetch=prefetch, **options)
        self._path = path
        self._exchange = exchange
        self._prefetch = prefetch
        self._lines: Iterator[bytes] = iter(())

    def start(self, queue: str, arguments: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - a file begins at its first line
        """Open the file behind the place that is kept.

        Raises:
            Taken: Another process reads it.
            Misconfigured: It cannot be read.
        """
        self._stream = queue
        place = self._placed()
        try:
            with self._path.open("rb") as file:
                self.end = sum(1 for _ in file) - 1
            self._lines = self._path.open("rb")
        except OSError as error:
            raise Misconfigured(f"{self._path} cannot be read: {error.strerror}") from None
        if place and place.offset >= 0:
            *_, last = [b"", *itertools.islice(self._lines, place.offset + 1)]
            if seal(_parsed(last)[1]) == place.seal:
                self._read = place.offset
            else:
                self._lines = self._path.open("rb")

    def feed(self) -> None:
        """Have lines arrive, as far as the prefetch goes."""
        for line in itertools.islice(self._lines, max(0, self._prefetch - len(self._unsettled))):
            self._read += 1
            self._take_in(self._delivery(line))

    def cancel(self) -> None:
        """Read no further."""
        self._lines = iter(())

    def _acknowledge(self, tag: int, *, multiple: bool = False) -> None:
        """Nobody waits for it."""

    def _delivery(self, line: bytes) -> Delivery:
        found, body = _parsed(line)
        properties = {name: each for name, each in found.properties.items() if name != "headers"}
        headers = found.properties.get("headers")
        if isinstance(headers, dict):
            properties["application_headers"] = headers
        delivery = Delivery(
            self, self._read + 1, connector=self._connector, body=body, properties=properties,
            exchange=found.exchange or self._exchange, routing_key=found.routing_key,
            redelivered=False,
        )  # fmt: skip
        delivery.stream, delivery.offset = self._path.name, self._read
        return delivery


def _parsed(line: bytes) -> tuple[Line, bytes]:
    """Return what a line says of a message, and the message's body: else the line is the body."""
    line = line.rstrip(b"\r\n")
    found = Line("", {})
    try:
        found = _decode(line)
        if found.payload_encoding == "base64":
            return found, base64.b64decode(found.payload)
    except ValueError:  # msgspec's and base64's
        return found, line
    return found, found.payload.encode()
