"""Park a message: its body untouched, beside the reason why it could not be labelled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp import topology
from connectors.messages import OutgoingMessage
from connectors.parking.headers import HEADER, MAX_HEADER_CHARS, MAX_HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connectors.delivery import Delivery

DEATH = (
    "x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count",
    "x-stream-offset",
)  # fmt: skip
"""Headers in which brokers tell of a delivery; a replay starts without them."""
_MAX_DETAIL_CHARS = 200
_MAX_HEADER_LEVELS = 8
KEPT_PROPERTIES = (
    "content_type", "content_encoding", "message_id", "correlation_id", "reply_to", "type",
    "app_id", "priority", "timestamp",
)  # fmt: skip


class Reason(msgspec.Struct, frozen=True):
    """Why a message is parked.

    Attributes:
        code: One word for filters and metrics (`json`, `too-large`, `poison`, …).
        stage: Where on its way it failed: `map` or `score`.
        detail: A few words more; never a part of the text.
        attempts: How often it was tried.
        texts: Positions of the texts that failed; none where the whole message did.
        revision: Model that failed on it.
    """

    code: str
    stage: str
    detail: str = ""
    attempts: int = 1
    texts: tuple[int, ...] = ()
    revision: str = ""


def message(delivery: Delivery, reason: Reason) -> OutgoingMessage:
    """Return the parked copy of a message, with all that a replay needs."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    own: dict[str, Any] = {
        "code": reason.code,
        "stage": reason.stage,
        "detail": reason.detail[:_MAX_DETAIL_CHARS],
        "attempts": reason.attempts,
        "connector": delivery.connector,
        "exchange": delivery.exchange,
        "queue": topology.source_queue(delivery.connector),
        "routing-key": delivery.routing_key,
        "first-failure": delivery.replayed.first_failure or now,
        "last-failure": now,
        "model-revision": reason.revision,
        "headers": kept_headers(delivery.headers),
    }
    if delivery.place:
        own["place"] = delivery.place
    if replays := delivery.replayed.replays:
        own["replays"] = replays
    if reason.texts:
        own["index"] = reason.texts[0]
        own["texts"] = ",".join(map(str, reason.texts))
    properties = {
        name: delivery.properties[name] for name in KEPT_PROPERTIES if name in delivery.properties
    }
    properties["application_headers"] = {HEADER + name: value for name, value in own.items()}
    return OutgoingMessage(topology.PARKED, delivery.connector, delivery.body, properties)


def kept_headers(found: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the headers that go with a message: its own, as far as they can be written again."""
    # a name that is not UTF-8 comes as bytes, and could not be written again
    headers = {
        name: value
        for name, value in found.items()
        if isinstance(name, str)
        and not name.startswith((HEADER, *DEATH))
        and _shallow(value, _MAX_HEADER_LEVELS)
    }
    size = sum(len(name) + len(str(value)) for name, value in headers.items())
    return headers if len(headers) <= MAX_HEADERS and size <= MAX_HEADER_CHARS else {}


def _shallow(value: object, levels: int) -> bool:
    """Whether a header is not nested so deep that writing it, or reading it again, would fail."""
    children: Iterable[object]
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list):
        children = value
    else:
        return True
    return levels > 0 and all(_shallow(child, levels - 1) for child in children)
