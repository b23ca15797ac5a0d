"""What travels on beside a text, in a form and of a size that can be published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import BadInput
from connectors.mapping.expressions import is_of_message
from connectors.mapping.timestamps import seconds_of
from connectors.text import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.mapping.bounds import Work
    from connectors.mapping.cloudevents import Document
    from connectors.mapping.expressions import Reader
    from connectors.mapping.mapping_config import MappingConfig

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


class Carrier:
    """Finds what travels on beside the texts of one connector."""

    def __init__(self, config: MappingConfig, readers: Mapping[str, Reader], work: Work) -> None:
        """Take the compiled expressions, by the setting that each stands in.

        `work` is charged for the fields, since every element may carry the same large one.
        """
        self._work = work
        self._fields = {name: readers[f"carry.{name}"] for name in config.carry}
        self._around = {
            name: reader
            for name, reader in self._fields.items()
            if is_of_message(config.carry[name])
        }
        self._language = readers.get("language")
        self._time = readers.get("time")
        self._idle = not (self._fields or self._language or self._time)

    def beside(self, value: object, document: Document) -> Carried:
        """Return what travels on beside the texts of a document, or of an element of it.

        Raises:
            BadInput: An expression fails, or the fields are too large.
        """
        sent = document.attributes.get("time") if document.attributes else None
        if self._idle and sent is None:
            return NOTHING
        whole = document.whole
        found = carried(
            {name: read(value, whole) for name, read in self._fields.items()},
            self._language(value, whole) if self._language else None,
            (self._time(value, whole) if self._time else None) or sent,
        )
        return self._checked(found)

    def around(self, document: Document) -> Carried:
        """Return what travels on beside a text without fields: what the whole message says."""
        fields = {name: read(None, document.whole) for name, read in self._around.items()}
        return self._checked(carried(fields, None, document.attributes.get("time")))

    def _checked(self, found: Carried) -> Carried:
        self._work.spend_on(found.size)
        if found.size > _MAX_BYTES:
            size = f"{found.size} bytes of carried fields"
            raise BadInput("carry", f"{size}, over {_MAX_BYTES}")
        return found


def carried(fields: dict[str, Any], language: object, time: object) -> Carried:
    """Return what travels on, of what was found in the message.

    Raises:
        BadInput: The fields are nested too deep.
    """
    try:
        size = len(_encode(fields))
    except (UnicodeEncodeError, OverflowError, ValueError):
        # lone surrogates, or integers that JSON libraries do not share
        raw = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        if len(raw) > _MAX_BYTES:
            return Carried({}, None, len(raw))  # too large to look into
        fields = json.loads(without_surrogates(raw), parse_int=_int_or_float)
        size = len(_encode(fields))
    except RecursionError:
        raise BadInput("carry", "nested too deeply") from None
    return Carried(fields, _language(language), size, seconds_of(time))


def _int_or_float(digits: str) -> int | float:
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(digits)


def _language(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_LANGUAGE_CHARS:
        return None
    return value if value.isascii() else None
