"""Frames of AMQP 0-9-1, written by hand: what client libraries refuse to send."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import amqp

_METHOD, _HEADER, _BODY, _END = 1, 2, 3, b"\xce"
_BASIC, _PUBLISH = 60, 40
_CHUNK = 100_000

# section 4.2.5.5 of the specification: the properties in the order of their flags
_FLAGS = {
    "content_type": 0x8000, "content_encoding": 0x4000, "headers": 0x2000,
    "delivery_mode": 0x1000, "priority": 0x0800, "correlation_id": 0x0400, "reply_to": 0x0200,
    "expiration": 0x0100, "message_id": 0x0080, "timestamp": 0x0040, "type": 0x0020,
    "user_id": 0x0010, "app_id": 0x0008,
}  # fmt: skip


def short(value: bytes) -> bytes:
    """A short string."""
    return struct.pack(">B", len(value)) + value


def table(fields: Mapping[bytes, bytes]) -> bytes:
    """A field table; each value comes with its type letter in front."""
    content = b"".join(short(name) + value for name, value in fields.items())
    return struct.pack(">I", len(content)) + content


def nested(depth: int, *, array: bool = False) -> bytes:
    """A value that holds itself, so many levels deep."""
    value = b"t\x01"
    for _ in range(depth):
        if array:
            value = b"A" + struct.pack(">I", len(value)) + value
        else:
            value = b"F" + table({b"a": value})
    return value


def publish(
    channel: amqp.Channel, body: bytes, properties: Mapping[str, bytes], *,
    exchange: bytes = b"sentiment.input", routing_key: bytes = b"hostile.frame",
) -> None:  # fmt: skip
    """Publish with properties that are written as they are given.

    Args:
        channel: Of a connection to the broker.
        body: The message.
        properties: Encoded values by their names.
        exchange: Where to.
        routing_key: Under which key.
    """
    method = struct.pack(">HHH", _BASIC, _PUBLISH, 0) + short(exchange) + short(routing_key) + b"\0"
    flags = sum(_FLAGS[name] for name in properties)
    values = b"".join(properties[name] for name in _FLAGS if name in properties)
    header = struct.pack(">HHQH", _BASIC, 0, len(body), flags) + values
    frames = _frame(_METHOD, channel, method) + _frame(_HEADER, channel, header)
    for start in range(0, len(body), _CHUNK):
        frames += _frame(_BODY, channel, body[start : start + _CHUNK])
    channel.connection.transport.write(frames)


def _frame(kind: int, channel: amqp.Channel, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel.channel_id, len(payload)) + payload + _END


_MILLISECONDS = struct.pack(">Q", 1_700_000_000_000)


def _headers(value: bytes) -> dict[str, bytes]:
    return {"headers": table({b"a": value})}


UNREADABLE: dict[str, dict[str, bytes]] = {
    "a header's timestamp in milliseconds": _headers(b"T" + _MILLISECONDS),
    "a header's timestamp beyond every calendar": _headers(b"T" + b"\xff" * 8),
    "a table nested 1,000 deep": _headers(nested(1000)),
    "an array nested 1,000 deep": _headers(nested(1000, array=True)),
    "a content type that is not UTF-8": {"content_type": short(b"\xff\xfe/json")},
    "a message id that is not UTF-8": {"message_id": short(b"\xff")},
}
"""Properties at which client libraries' parsers raise."""
ODD: dict[str, dict[str, bytes]] = {
    "a table nested 100 deep": _headers(nested(100)),
    "a table nested 500 deep": _headers(nested(500)),
    "a table nested 800 deep": _headers(nested(800)),
    "a table nested 900 deep": _headers(nested(900)),
    "an array nested 900 deep": _headers(nested(900, array=True)),
    "a header's name that is not UTF-8": {"headers": table({b"\xff\xfe": b"t\x01"})},
    "a header's value that is not UTF-8": _headers(b"S" + struct.pack(">I", 2) + b"\xff\xfe"),
    "a decimal of 255 places": _headers(b"D\xff" + struct.pack(">i", 7)),
    "a void": _headers(b"V"),
    "bytes": _headers(b"x" + struct.pack(">I", 2) + b"\x00\xff"),
    "the largest integer": _headers(b"l" + b"\x7f" + b"\xff" * 7),
    "a priority beyond any": {"priority": b"\xff"},
    "an empty header name": {"headers": table({b"": b"t\x01"})},
    "a message id with half a surrogate pair": {"message_id": short(b"id \xed\xa0\x80")},
    "a reply address with half a surrogate pair": {"reply_to": short(b"q \xed\xa0\x80")},
    "a header with half a surrogate pair": _headers(b"S" + struct.pack(">I", 3) + b"\xed\xa0\x80"),
    "a trace context with half a surrogate pair": {
        "headers": table({b"traceparent": b"S" + struct.pack(">I", 3) + b"\xed\xa0\x80"})
    },
    "a message's timestamp in milliseconds": {"timestamp": _MILLISECONDS},
}
"""Properties that are rare, and that parsers read."""
