"""The history of a replayed message, in headers of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "tonebus-"
UNREADABLE = f"{HEADER}unreadable"
"""Header of a message that came without the properties it had: they cannot be read."""
MAX_HEADERS = 64
MAX_HEADER_CHARS = 16 * 1024
"""Of a message's headers all together, names and values."""
_MAX_CHARS = 255
"""Of an exchange, a routing key or a time; every event of the message repeats the first two."""
_MAX_REPLAYS = 10**6
_MAX_DIGITS = 9
NOWHERE = 10**_MAX_DIGITS
"""A position that no text has; it stands for any number that is too large to be one."""


class Replayed(msgspec.Struct, frozen=True):
    """The history of a replayed message.

    Attributes:
        replays: How often it was replayed; 0 for a message that came from its upstream.
        exchange: Where its upstream published it.
        routing_key: With which key.
        first_failure: When it was first parked, by ISO 8601.
        texts: Positions of the texts that are still wanted of it; empty wants all.
        place: Its place in the stream that it came from; empty where it came from a queue.
    """

    replays: int = 0
    exchange: str = ""
    routing_key: str = ""
    first_failure: str = ""
    texts: frozenset[int] = frozenset()
    place: str = ""


NEVER = Replayed()


def replayed(headers: Mapping[str, Any]) -> Replayed:
    """Read what the headers say; any client with a right to the source queue could write them."""
    # a message without it was never replayed: it was sent to a queue of others
    replays = headers.get(f"{HEADER}replays", 0)
    return Replayed(
        replays=min(max(replays, 0), _MAX_REPLAYS) if isinstance(replays, int) else 1,
        exchange=_word(headers, "exchange"),
        routing_key=_word(headers, "routing-key"),
        first_failure=_word(headers, "first-failure"),
        texts=positions(headers.get(f"{HEADER}texts")),
        place=_word(headers, "place"),
    )


def _word(headers: Mapping[str, Any], name: str) -> str:
    value = headers.get(HEADER + name)
    return value[:_MAX_CHARS] if isinstance(value, str) else ""


def positions(value: object) -> frozenset[int]:
    """Read positions of texts, as they stand in a header."""
    parts = value.split(",") if isinstance(value, str) else []
    return frozenset(
        int(each) if len(each) <= _MAX_DIGITS else NOWHERE for each in parts if each.isdecimal()
    )


def headers(seen: Replayed) -> dict[str, Any]:
    """Return the headers that `replayed` reads."""
    own = msgspec.structs.asdict(seen) | {"texts": ",".join(map(str, sorted(seen.texts)))}
    return {HEADER + name.replace("_", "-"): value for name, value in own.items() if value != ""}
