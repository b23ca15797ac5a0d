"""What travels on beside a text, in a form and of a size that can be published."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from connectors.errors import BadInput
from connectors.mapping.timestamps import seconds_of
from connectors.text import without_surrogates

_MAX_BYTES = 8 * 1024
_MAX_LANGUAGE_CHARS = 35
_encode = msgspec.json.Encoder().encode


class Carried(msgspec.Struct, frozen=True):
    """What travels on.

    Attributes:
        fields: By the names that the connector gives them.
        language: Of the text, as the message has it.
        size: Bytes of the fields in an event.
        written: Seconds since 1970 when the text was written, where the message says so.
    """

    fields: dict[str, Any]
    language: str | None = None
    size: int = 0
    written: float | None = None


NOTHING = Carried({})


def carried(fields: dict[str, Any], language: object, time: object) -> Carried:
    """Return what travels on.

    Args:
        fields: As found in the message.
        language: Likewise; passed on where it may be one.
        time: Likewise.

    Raises:
        BadInput: The fields are too large, or nested too deep.
    """
    try:
        size = len(_encode(fields))
    except (UnicodeEncodeError, OverflowError, ValueError):
        # lone surrogates, or integers that JSON libraries do not share
        fields = json.loads(without_surrogates(json.dumps(fields, ensure_ascii=False)),
                            parse_int=_int_or_float)  # fmt: skip
        size = len(_encode(fields))
    except RecursionError:
        raise BadInput("carry", "nested too deeply") from None
    if size > _MAX_BYTES:
        raise BadInput("carry", f"{size} bytes of carried fields, over {_MAX_BYTES}")
    return Carried(fields, _language(language), size, seconds_of(time))


def _int_or_float(digits: str) -> int | float:
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(digits)


def _language(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_LANGUAGE_CHARS:
        return None
    return value if value.isascii() else None
