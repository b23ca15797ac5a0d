"""How a body is read: as its connector says, whatever its publisher calls it.

Publishers call JSON `application/octet-stream`, `text/plain` or nothing at all, because that is the
default of their library. So a label is believed only where it says that a body is compressed or of
another serialization: what it promises otherwise is looked up in the body.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import TYPE_CHECKING

from connectors.errors import BadInput

if TYPE_CHECKING:
    from connectors.delivery import Delivery
    from connectors.mapping.mapping_config import MappingConfig

_JSON = frozenset({"application/json", "application/x-json", "text/json", "text/x-json"})
_SERIALIZED = ("python-serialize", "pickle", "yaml", "msgpack", "messagepack")
"""Formats that other readers take JSON for, or that begin as text does."""
_PLAIN = frozenset({
    "", "utf8", "utf8sig", "utf8mb4", "cp65001", "usascii", "ascii", "ansix341968", "identity",
    "8bit", "7bit", "binary", "none",
})  # fmt: skip
"""Charsets and encodings, without punctuation, under which the bytes are the text in UTF-8."""
_REMEMBERED = 256
MAIL = frozenset({"message/rfc822", "message/global"})
"""The second, of RFC 6532, has headers in UTF-8."""


class Reading(enum.Enum):
    """What a body is taken for: JSON, text or JSON, JSON or nothing, text, or an e-mail.

    Of a mail, a connector takes the document, or its text where it takes whole bodies.
    """

    JSON = enum.auto()
    TEXT_OR_JSON = enum.auto()
    JSON_OR_NOTHING = enum.auto()
    TEXT = enum.auto()
    MAIL = enum.auto()
    TEXT_OF_MAIL = enum.auto()


class Labels:
    """How the bodies of one connector are read, by content type and encoding."""

    def __init__(self, config: MappingConfig) -> None:
        self._text = config.format == "text"
        self._mail = config.format == "mail"
        self._types = frozenset(map(str.lower, config.content_types))
        self._encodings = frozenset(map(str.lower, config.content_encodings))
        self._decided = lru_cache(_REMEMBERED)(self._decide)

    def reading(self, delivery: Delivery) -> Reading:
        """Return how a body is to be read.

        Raises:
            BadInput: Its label is of something that is not read.
        """
        properties = delivery.properties
        content_type, encoding = properties.get("content_type"), properties.get("content_encoding")
        return self._decided(str(content_type or ""), str(encoding or ""))

    def _decide(self, content_type: str, encoding: str) -> Reading:
        kind, _, parameters = content_type.partition(";")
        kind = kind.strip().lower()
        self._check_encoding("content_encoding", encoding)
        if not self._mail and kind not in MAIL:
            # a mail names the charset of each of its parts itself
            self._check_encoding("charset", _charset(parameters))
        if kind in self._types or "*" in self._types:
            kind = ""
        if self._mail or kind in MAIL:
            return Reading.TEXT_OF_MAIL if self._text else Reading.MAIL
        if self._text:
            if not kind or kind.startswith("text/") or kind == "application/octet-stream":
                return Reading.TEXT
            raise BadInput("content-type", f"{kind[:80]!r}: expected text/plain")
        if not kind or kind in _JSON or kind.endswith("+json"):
            return Reading.JSON
        if any(name in kind for name in _SERIALIZED):
            raise BadInput("content-type", f"{kind[:80]!r}: expected JSON or text/plain")
        return Reading.TEXT_OR_JSON if kind == "text/plain" else Reading.JSON_OR_NOTHING

    def _check_encoding(self, what: str, name: str) -> None:
        name = name.strip().lower()
        if name in self._encodings or "*" in self._encodings:
            return
        if "".join(filter(str.isalnum, name)) not in _PLAIN:
            raise BadInput("encoding", f"{what} {name[:40]!r}: only UTF-8 is read")


def _charset(parameters: str) -> str:
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip().lower() == "charset":
            return value.strip(" \t\"'")
    return ""
