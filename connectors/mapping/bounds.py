"""What no recipe may touch: too large, compressed, of a foreign type, not UTF-8, not JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import msgspec

from connectors.errors import BadInput

if TYPE_CHECKING:
    from connectors.delivery import Delivery

_UTF8 = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
_BOM = b"\xef\xbb\xbf"
_MAX_HEADERS = 64
_MAX_HEADER_BYTES = 16 * 1024
_decode = msgspec.json.Decoder().decode


def check_headers(delivery: Delivery) -> None:
    """Refuse headers that are too many or too large, and a body that one calls compressed."""
    headers = delivery.headers
    if "compression" in headers:
        raise BadInput("encoding", "header `compression`: compressed bodies are not inflated")
    if len(headers) > _MAX_HEADERS:
        raise BadInput("headers", f"{len(headers)} headers")
    if not all(isinstance(name, str) for name in headers):
        # py-amqp gives bytes for these, whatever it promises
        raise BadInput("headers", "a header's name is not UTF-8")
    size = sum(len(name) + len(str(value)) for name, value in headers.items())
    if size > _MAX_HEADER_BYTES:
        raise BadInput("headers", f"{size} characters of headers")


def media_type(delivery: Delivery, assumed: str) -> str:
    """Return the media type without its parameters; `assumed` where the message names none."""
    encoding = str(delivery.properties.get("content_encoding") or "")
    if encoding.lower() not in _UTF8:
        raise BadInput("encoding", f"content_encoding {encoding[:40]!r}: only UTF-8 is read")
    kind, _, parameters = str(delivery.properties.get("content_type") or "").partition(";")
    charset = parameters.partition("charset=")[2].strip(' "').lower()
    if charset not in _UTF8:
        raise BadInput("encoding", f"charset {charset[:40]!r}: only UTF-8 is read")
    return kind.strip().lower() or assumed


def text_of(body: bytes) -> str:
    """Decode a body."""
    if not body:
        raise BadInput("empty", "the body has no bytes")
    try:
        return body.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise BadInput("encoding", f"not UTF-8 at byte {error.start}") from None


def parse(text: str) -> object:
    """Parse JSON, with the last of equal keys."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _parse_tolerantly(text)


def _parse_tolerantly(text: str) -> object:
    """Parse what the strict parser refuses and a text may still hold: lone surrogates."""

    def refuse(constant: str) -> NoReturn:
        raise BadInput("json", f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise BadInput("json", f"{error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput("json", type(error).__name__) from None
