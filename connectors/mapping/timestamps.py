"""When something was written, whatever the publisher counts in."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.delivery import Delivery
    from connectors.messages import Text

_MAX_CHARS = 64
_MAX_SECONDS = 1e11
"""The year 5138: a larger number counts milliseconds, microseconds or nanoseconds."""
_UNITS = (1.0, 1e3, 1e6, 1e9)


def seconds_of(value: object) -> float | None:
    """Return a time as seconds since 1970; None for what is none.

    Args:
        value: A number of seconds, milliseconds, microseconds or nanoseconds, also as a string; ISO
            8601, in UTC where it names no zone, or ` UTC` as Ruby does; the date of an e-mail; or a
            datetime.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _scaled(float(value)) if abs(value) < _MAX_SECONDS * _UNITS[-1] else None
    if isinstance(value, str):
        return _parsed(value.strip().removesuffix(" UTC")) if len(value) <= _MAX_CHARS else None
    return _timestamp(value) if isinstance(value, datetime) else None


def written(text: Text | None, delivery: Delivery) -> float | None:
    """Return when a text was written: as its document says, else as its publisher does.

    Of a message that could not be read there is no text.
    """
    if text is not None and text.written is not None:
        return text.written
    stamp = delivery.properties.get("timestamp")
    return None if stamp is None else seconds_of(stamp)


def _scaled(number: float) -> float | None:
    if not (math.isfinite(number) and number > 0):
        return None
    return next((number / unit for unit in _UNITS if number / unit < _MAX_SECONDS), None)


def _parsed(text: str) -> float | None:
    try:
        return seconds_of(float(text))
    except ValueError:
        pass
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return _timestamp(read(text))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _timestamp(when: datetime) -> float | None:
    try:
        seconds = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None
    return seconds if seconds > 0 else None
