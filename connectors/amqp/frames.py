"""Frames of AMQP: what py-amqp cannot read, and what it takes long to write.

py-amqp encodes every field by a format that it interprets. A message is put into frames here in a
third of its time, where it has no rare properties.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, Any

from amqp.basic_message import Message
from amqp.method_framing import frame_handler
from amqp.serialization import dumps

from connectors.parking.headers import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from connectors.messages import OutgoingMessage

FRAME_END = 0xCE
FRAME_OVERHEAD = 8
_END = bytes([FRAME_END])
_METHOD_FRAME, _HEADER_FRAME, _BODY_FRAME = 1, 2, 3
_START = Struct(">BHI")
_METHOD, _CONTENT, _TAG = Struct(">HHH"), Struct(">BHIHHQ"), Struct(">QB")
_BASIC, _PUBLISH = 60, 40
_ARGUMENTS = 4
"""Where those of a method begin."""
_FLAGS = Struct(">H")
_PERSISTENT = {"delivery_mode": 2}
_PROPERTY_FLAGS = 12
_INSTEAD = (
    b"\x20\x00" + struct.pack(">IB", len(UNREADABLE) + 3, len(UNREADABLE))
    + UNREADABLE.encode() + b"t\x01"
)  # fmt: skip
_DELIVER, _GET_OK = b"\x00\x3c\x00\x3c", b"\x00\x3c\x00\x47"


def tolerant(connection: Any, callback: Any) -> Any:  # noqa: ANN401 - py-amqp has no types
    """Return a frame handler for py-amqp that reads messages which py-amqp itself cannot.

    Where their properties cannot be read, they come with the header `UNREADABLE` in place of these.
    Bytes of an exchange's name or a routing key that are not UTF-8 come as question marks.
    """
    handle = frame_handler(connection, callback)

    def on_frame(frame: tuple[int, int, bytes]) -> Any:  # noqa: ANN401 - as above
        kind, channel, payload = frame
        if kind == _METHOD_FRAME:
            return handle((kind, channel, _readable_names(payload)))
        try:
            return handle(frame)
        except Exception:
            if kind != _HEADER_FRAME or _readable(payload):
                raise
            return handle((kind, channel, payload[:_PROPERTY_FLAGS] + _INSTEAD))

    return on_frame


def _readable_names(payload: bytes) -> bytes:
    """Return a method, with names that py-amqp can decode where it brings a message."""
    if payload.startswith(_DELIVER):
        start = len(_DELIVER) + 1 + payload[len(_DELIVER)] + _TAG.size
    elif payload.startswith(_GET_OK):
        start = len(_GET_OK) + _TAG.size
    else:
        return payload
    if payload[start:].isascii():
        return payload
    for _ in range(2):  # exchange and routing key
        end = start + 1 + payload[start]
        name = payload[start + 1 : end]
        try:
            name.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            # as many bytes as before, so that the rest stays where it is
            said = name.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
            payload = payload[: start + 1] + said + payload[end:]
        start = end
    return payload


def _readable(payload: bytes) -> bool:
    try:
        Message().inbound_header(payload)
    except Exception:  # noqa: BLE001 - whatever its parser stumbles over
        return False
    return True


def acknowledged(payload: bytes) -> tuple[int, bool]:
    """Read a `basic.ack`: the delivery tag, and whether it stands for all before it."""
    tag, multiple = _TAG.unpack_from(payload, _ARGUMENTS)
    return tag, bool(multiple & 1)


def delivered(payload: bytes) -> tuple[str, int, bool, str, str]:
    """Read a `basic.deliver`: consumer, delivery tag, redelivered, exchange, routing key."""
    consumer, at = _read_short(payload, _ARGUMENTS)
    tag, redelivered = _TAG.unpack_from(payload, at)
    exchange, at = _read_short(payload, at + _TAG.size)
    return consumer, tag, bool(redelivered & 1), exchange, _read_short(payload, at)[0]


def _read_short(payload: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + payload[at]
    return payload[at + 1 : end].decode("utf-8", "surrogatepass"), end


def publication(channel: int, outgoing: OutgoingMessage, frame_max: int) -> bytes:
    """Return the frames that publish a message on a channel; by default it is persistent."""
    properties, body = _properties(outgoing.properties), outgoing.body
    parts = [
        _method(channel, outgoing.exchange, outgoing.routing_key, outgoing.mandatory),
        _CONTENT.pack(
            _HEADER_FRAME, channel, _PROPERTY_FLAGS + len(properties), _BASIC, 0, len(body)
        ),
        properties,
        _END,
    ]
    room = frame_max - FRAME_OVERHEAD
    for start in range(0, len(body), room):
        piece = body[start : start + room]
        parts += (_START.pack(_BODY_FRAME, channel, len(piece)), piece, _END)
    return b"".join(parts)


@lru_cache(maxsize=256)
def _method(channel: int, exchange: str, routing_key: str, mandatory: bool) -> bytes:
    bits = bytes([mandatory])
    payload = _METHOD.pack(_BASIC, _PUBLISH, 0) + _short(exchange) + _short(routing_key) + bits
    return _START.pack(_METHOD_FRAME, channel, len(payload)) + payload + _END


def _properties(properties: Mapping[str, Any]) -> bytes:
    given = {**_PERSISTENT, **properties}
    if not given.keys() <= _PROPERTIES.keys():
        every: bytes = Message(**given)._serialize_properties()  # noqa: SLF001 - py-amqp has no other name for it
        return every
    flags, parts = 0, []
    for name, (flag, encode) in _PROPERTIES.items():
        if (value := given.get(name)) is not None:
            flags |= flag
            parts.append(encode(value))
    return _FLAGS.pack(flags) + b"".join(parts)


def _short(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return bytes([len(encoded)]) + encoded


def _octet(number: int) -> bytes:
    return bytes([number])


def _table(headers: Mapping[str, Any]) -> bytes:
    encoded: bytes = dumps("F", [headers])
    return encoded


_PROPERTIES: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "content_type": (1 << 15, _short), "content_encoding": (1 << 14, _short),
    "application_headers": (1 << 13, _table), "delivery_mode": (1 << 12, _octet),
    "priority": (1 << 11, _octet), "correlation_id": (1 << 10, _short),
    "reply_to": (1 << 9, _short), "expiration": (1 << 8, _short), "message_id": (1 << 7, _short),
    "type": (1 << 5, _short), "app_id": (1 << 3, _short),
}  # fmt: skip
"""Properties in the order of AMQP: their flags, and what encodes their values."""
