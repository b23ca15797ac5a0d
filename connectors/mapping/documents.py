"""From bytes to text, and from text to JSON."""

from __future__ import annotations

import json
from typing import NoReturn

import msgspec

from connectors.errors import BadInput

_BOM = b"\xef\xbb\xbf"
_BEGINNINGS = ("{", "[", '"{', '"[', '"\\"')
"""Of objects and lists, as they are and encoded once or more often."""
_decode = msgspec.json.Decoder().decode


def text_of(body: bytes) -> str:
    """Decode a body.

    Raises:
        BadInput: It is empty or not UTF-8.
    """
    if not body:
        raise BadInput("empty", "the body has no bytes")
    try:
        return body.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise BadInput("encoding", f"not UTF-8 at byte {error.start}") from None


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
