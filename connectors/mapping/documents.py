"""From bytes to text, and from text to JSON."""

from __future__ import annotations

import base64
import json
import re
from typing import NoReturn

import msgspec

from connectors.errors import BadInput

_BOM = b"\xef\xbb\xbf"
_FEW = 2
_BEGINNINGS = ("{", "[", '"{', '"[', '"\\"', '"\ufeff', '"\\ufeff')
"""Of objects and lists, as they are and encoded once or more often."""
_FOR_URLS = str.maketrans("-_", "+/")
_XML = re.compile(r"\s*+<\?xml\s")
_OBJECT = re.compile(r"\s*+((?:\[\s*+)?\{\s*+\"(?:[^\"\\]|\\.)*+\"\s*+:)")
_scanner = json.JSONDecoder(strict=False)
_decode = msgspec.json.Decoder().decode


def text_of(body: bytes) -> str:
    """Decode a body.

    Raises:
        BadInput: It is empty or not UTF-8.
    """
    if not body:
        raise BadInput("empty", "the body has no bytes")
    if _is_utf16(body):
        raise BadInput("encoding", "not UTF-8 but UTF-16")
    try:
        return body.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise BadInput("encoding", f"not UTF-8 at byte {error.start}") from None


def _is_utf16(body: bytes) -> bool:
    """Whether a body is Latin letters in UTF-16: to UTF-8 these stand between NULs."""
    half = len(body) // 2
    if half < _FEW or b"\0" not in body:
        return False
    zeros = body[::2].count(0), body[1::2].count(0)
    return min(zeros) == 0 and max(zeros) * 2 > half


def text_in_base64(encoded: str) -> str:
    """Decode base64, also for URLs, without padding, or on several lines.

    Raises:
        BadInput: It is not base64, or not of a text.
    """
    plain = "".join(encoded.translate(_FOR_URLS).split())
    try:
        raw = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        if b"\0" not in raw:
            return raw.decode()
    except ValueError:
        raise BadInput("encoding", "not base64 of UTF-8") from None
    raise BadInput("encoding", "base64 of binary data")


def parse(text: str) -> object:
    """Parse JSON, with the last of equal keys.

    Raises:
        BadInput: It is not JSON, by more than a raw line break or a lone surrogate in a string.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return _parse_tolerantly(text)


def recognised(text: str) -> object:
    """Return the JSON object that a text is, or the list of such; else the text itself.

    What else is JSON (a number, a word in quotes, `[1]`) is also what people write. An object or a
    list may have been encoded more than once.
    """
    text = text.removeprefix(_BOM.decode())
    if not text.lstrip().startswith(_BEGINNINGS):
        return text
    try:
        found = parse(text)
    except BadInput:
        return text
    if isinstance(found, str):
        inner = recognised(found)
        return text if isinstance(inner, str) else inner
    if isinstance(found, list):
        return found if found and all(isinstance(each, dict) for each in found) else text
    return found


def read(text: str) -> object:
    """Return the JSON object that a text is, or the list of such; else the text that people wrote.

    Raises:
        BadInput: It is a document that cannot be read: no writer's words begin so.
    """
    found = recognised(text)
    if not isinstance(found, str):
        return found
    if _XML.match(found):
        raise BadInput("content-type", "it is XML")
    if begins := _OBJECT.match(found):
        end = _end_of_json(found, begins.start(1))
        if found[end:].lstrip().startswith("{"):
            raise BadInput("json", "more than one document")
    return found


def _end_of_json(text: str, start: int) -> int:
    try:
        return _scanner.raw_decode(text, start)[1]
    except json.JSONDecodeError as error:
        raise BadInput("json", f"{error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput("json", type(error).__name__) from None


def _parse_tolerantly(text: str) -> object:
    """Parse what the strict parser refuses and publishers send: lone surrogates, raw breaks."""

    def refuse(constant: str) -> NoReturn:
        raise BadInput("json", f"{constant} is not JSON")

    try:
        return json.loads(text, strict=False, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise BadInput("json", f"{error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput("json", type(error).__name__) from None
