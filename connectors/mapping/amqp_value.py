"""What an AMQP 1.0 publisher sent as a value, as RabbitMQ hands it to an AMQP 0-9-1 consumer.

The body of such a message is the encoded section, and its property `type` says so. The encodings
are those of AMQP 1.0, part 1, section 1.6.
"""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING

from connectors.errors import BadInput

if TYPE_CHECKING:
    from connectors.mapping.bounds import Work

TYPE = "amqp-1.0"
"""The AMQP 0-9-1 property `type` of such a message."""

_DESCRIBED = 0x00
_DATA, _SEQUENCE, _VALUE = 0x75, 0x76, 0x77
_MAX_LEVELS = 100
_CONSTANTS: dict[int, object] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_NUMBERS = {
    0x50: struct.Struct(">B"), 0x51: struct.Struct(">b"), 0x52: struct.Struct(">B"),
    0x53: struct.Struct(">B"), 0x54: struct.Struct(">b"), 0x55: struct.Struct(">b"),
    0x56: struct.Struct(">?"), 0x60: struct.Struct(">H"), 0x61: struct.Struct(">h"),
    0x70: struct.Struct(">I"), 0x71: struct.Struct(">i"), 0x72: struct.Struct(">f"),
    0x80: struct.Struct(">Q"), 0x81: struct.Struct(">q"), 0x82: struct.Struct(">d"),
    0x83: struct.Struct(">q"),
}  # fmt: skip
"""By constructor: integers, booleans, floats, and timestamps in milliseconds."""
_UUID = 0x98
_BINARIES, _STRINGS = {0xA0: 1, 0xB0: 4}, {0xA1: 1, 0xA3: 1, 0xB1: 4, 0xB3: 4}
_EMPTY_LIST = 0x45
_LISTS, _MAPS, _ARRAYS = {0xC0: 1, 0xD0: 4}, {0xC1: 1, 0xD1: 4}, {0xE0: 1, 0xF0: 4}
"""By constructor, the width of the length that follows, in bytes."""


def decode(body: bytes, work: Work) -> object:
    """Return what the sections of a body hold.

    Args:
        body: One value, or any number of data or sequence sections.
        work: What is charged, a step for each value.

    Returns:
        Bytes of data sections; else what JSON knows too: strings, numbers, lists, objects, null.

    Raises:
        BadInput: It is not AMQP 1.0.
    """
    try:
        return _sections(_Reader(body, work))
    except UnicodeDecodeError:
        raise _bad("a string that is not UTF-8") from None


def _sections(reader: _Reader) -> object:
    data, items = bytearray(), list[object]()
    section = _VALUE
    while not reader.ended:
        section, value = reader.section()
        if section == _VALUE:
            return value
        if section == _DATA and isinstance(value, bytes):
            data += value
        elif section == _SEQUENCE and isinstance(value, list):
            items += value
        else:
            raise _bad(f"a section 0x{section:02x}")
    return bytes(data) if section == _DATA else items


class _Reader:
    def __init__(self, body: bytes, work: Work) -> None:
        self._body = body
        self._work = work
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._body)

    def section(self) -> tuple[int, object]:
        if self._byte() != _DESCRIBED:
            raise _bad("no section")
        section = self._value(0)
        if not isinstance(section, int):
            raise _bad("a section without a code")
        return section, self._value(0, whole=True)

    def _value(self, level: int, *, whole: bool = False) -> object:
        return self._of(self._byte(), level, whole=whole)

    def _of(self, constructor: int, level: int, *, whole: bool = False) -> object:
        """Read the value that a constructor announces; bytes of a whole section stay bytes."""
        self._work.spend(1)
        if level > _MAX_LEVELS:
            raise _bad("nested too deep")
        if constructor in _CONSTANTS:
            return _CONSTANTS[constructor]
        if number := _NUMBERS.get(constructor):
            return number.unpack(self._take(number.size))[0]
        if width := _STRINGS.get(constructor):
            return self._take(self._number(width)).decode()
        if width := _BINARIES.get(constructor):
            found = self._take(self._number(width))
            return found if whole else found.decode(errors="replace")
        return self._compound(constructor, level + 1)

    def _compound(self, constructor: int, level: int) -> object:
        if constructor == _DESCRIBED:
            self._value(level)
            return self._value(level)
        if constructor == _UUID:
            return str(uuid.UUID(bytes=self._take(16)))
        if constructor == _EMPTY_LIST:
            return []
        if width := _ARRAYS.get(constructor):
            count, inner = self._count(width), self._byte()
            return [self._of(inner, level) for _ in range(count)]
        if width := _LISTS.get(constructor):
            return [self._value(level) for _ in range(self._count(width))]
        if width := _MAPS.get(constructor):
            pairs = range(self._count(width) // 2)
            return {str(self._value(level)): self._value(level) for _ in pairs}
        raise _bad(f"a type 0x{constructor:02x}")

    def _count(self, width: int) -> int:
        self._number(width)
        return self._number(width)

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, count: int) -> bytes:
        taken = self._body[self._at : self._at + count]
        if len(taken) < count:
            raise _bad("it ends too early")
        self._at += count
        return taken


def _bad(what: str) -> BadInput:
    return BadInput("encoding", f"not a value of AMQP 1.0: {what}")
