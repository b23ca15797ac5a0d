"""What a replayed message tells of its earlier life, in headers of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = "tonebus-"


class Replayed(msgspec.Struct, frozen=True):
    """What a replayed message tells of its earlier life.

    Attributes:
        times: How often it was replayed; 0 for a message that came from its upstream.
        exchange: Where its upstream published it.
        routing_key: With which key.
        first_failure: When it was first parked, by ISO 8601.
        texts: Positions of the texts that are still wanted of it; empty wants all.
    """

    times: int = 0
    exchange: str = ""
    routing_key: str = ""
    first_failure: str = ""
    texts: frozenset[int] = frozenset()


NEVER = Replayed()


def replayed(headers: Mapping[str, Any]) -> Replayed:
    """Read what the headers say; whoever may write to a source queue could have written them."""
    texts = str(headers.get(f"{HEADER}texts", ""))
    times = headers.get(f"{HEADER}replays")
    return Replayed(
        times=times if isinstance(times, int) else 1,
        exchange=str(headers.get(f"{HEADER}exchange", "")),
        routing_key=str(headers.get(f"{HEADER}routing-key", "")),
        first_failure=str(headers.get(f"{HEADER}first-failure", "")),
        texts=frozenset(int(each) for each in texts.split(",") if each.isdecimal()),
    )


def headers(seen: Replayed) -> dict[str, Any]:
    """Return the headers that `replayed` reads."""
    own: dict[str, Any] = {
        "replays": seen.times,
        "exchange": seen.exchange,
        "routing-key": seen.routing_key,
        "first-failure": seen.first_failure,
        "texts": ",".join(map(str, sorted(seen.texts))),
    }
    return {HEADER + name: value for name, value in own.items() if value != ""}
