"""One parked message, read. Any publisher can have written anything into its headers."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp import topology
from connectors.amqp.connection import body_of
from connectors.parking.headers import HEADER, UNREADABLE, positions
from connectors.parking.park import KEPT_PROPERTIES, kept_headers

if TYPE_CHECKING:
    from collections.abc import Mapping

OTHER = "dead-lettered"
"""Code of what RabbitMQ parked for a reason that is not among those below."""
FOREIGN = "foreign"
"""Code of what neither Tonebus nor a source queue parked: another client published it there."""
BY_BROKER = {
    "delivery_limit": ("delivery-limit", "each delivery of it ended in a lost connection"),
    "expired": ("expired", "it expired before a daemon could take it"),
    "maxlen": ("maxlen", "its source queue was full"),
    "rejected": (
        "rejected",
        "a client rejected it, or a daemon did (too many bytes, bad headers)",
    ),
}
"""Code and detail by the reason that RabbitMQ gives for a dead letter."""
_MAX_COUNT = 10**9
_MAX_LEVELS = 16


class ParkedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One parked message.

    Attributes:
        key: Digest by which to name it on a command line; equal messages share it.
        tag: Delivery tag, on the channel that fetched it.
        age: Seconds since it was parked; None where nothing says so.
        replays: How often it was replayed before.
        texts: Positions of the texts that failed; empty for the message as a whole.
        place: Its place in the stream that it came from; empty where it came from a queue.
        properties: Those of the original message, headers included.
    """

    key: str
    tag: int
    code: str
    stage: str
    detail: str
    attempts: int
    connector: str
    queue: str
    exchange: str
    routing_key: str
    first_failure: str
    last_failure: str
    age: float | None
    replays: int
    texts: tuple[int, ...]
    place: str
    revision: str
    body: bytes
    properties: dict[str, Any]


def entry(message: Any) -> ParkedMessage:  # noqa: ANN401 - py-amqp has no types
    """Read one message of the parked queue, parked by us or by RabbitMQ itself."""
    properties = dict(message.properties)
    found = properties.get("application_headers")
    # a name that is not UTF-8 comes as bytes
    texts = {name: value for name, value in (found or {}).items() if isinstance(name, str)}
    own = {name.removeprefix(HEADER): value for name, value in texts.items()
           if name.startswith(HEADER)}  # fmt: skip
    if not _word(own.get("code")):
        own = _unlabelled(message, texts)
    headers = own.get("headers")
    own["headers"] = kept_headers(headers) if isinstance(headers, dict) else {}
    body = body_of(message)
    return ParkedMessage(
        key=blake2b(body + ascii(sorted(plain(own).items())).encode(), digest_size=5).hexdigest(),
        tag=message.delivery_info["delivery_tag"],
        code=_word(own.get("code")),
        stage=_word(own.get("stage")),
        detail=_word(own.get("detail")),
        attempts=_count(own.get("attempts"), 1),
        connector=_word(own.get("connector")),
        queue=_word(own.get("queue")),
        exchange=_word(own.get("exchange")),
        routing_key=_word(own.get("routing-key")),
        first_failure=_word(own.get("first-failure")),
        last_failure=_word(own.get("last-failure")),
        age=_age(_word(own.get("last-failure"))),
        replays=_count(own.get("replays"), 0),
        texts=tuple(sorted(positions(own.get("texts")))),
        place=_word(own.get("place")),
        revision=_word(own.get("model-revision")),
        body=body,
        properties={name: properties[name] for name in KEPT_PROPERTIES if name in properties}
        | {"headers": own["headers"]},
    )  # fmt: skip


def summary(each: ParkedMessage) -> dict[str, Any]:
    """Return what may be shown of a message without showing its text."""
    data = msgspec.structs.asdict(each)
    for hidden in ("tag", "body", "properties"):
        del data[hidden]
    return data | {
        "bytes": len(each.body),
        "message_id": plain(each.properties.get("message_id")),
    }


def plain(value: object, levels: int = _MAX_LEVELS) -> Any:  # noqa: ANN401 - JSON
    """Return a property or a header as JSON can hold it; what is nested deeper is left out."""
    if isinstance(value, dict):
        return {str(plain(name)): plain(each, levels - 1) for name, each in value.items() if levels}
    if isinstance(value, list | tuple):
        return [plain(each, levels - 1) for each in value if levels]
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode(errors="backslashreplace")
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _unlabelled(message: Any, found: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - as above
    """Return what RabbitMQ's own headers say of a message without a reason of ours."""
    connector = str(message.delivery_info.get("routing_key", ""))
    own: dict[str, Any] = {
        "stage": "consume",
        "connector": connector,
        "queue": topology.source_queue(connector),
        "replays": found.get(f"{HEADER}replays"),
        "headers": found,
    }
    if UNREADABLE in found:
        return own | {"code": "headers", "detail": "by RabbitMQ: its properties cannot be read"}
    death = _death(found.get("x-death"))
    if not death:
        return own | {"code": FOREIGN, "detail": "by a client that published it to this queue"}
    reason = _word(death.get("reason"))
    code, detail = BY_BROKER.get(reason, (OTHER, f"the reason is {reason or 'unknown'}"))
    keys, when = death.get("routing-keys"), death.get("time")
    stamp = when.replace(tzinfo=UTC).isoformat() if isinstance(when, datetime) else ""
    return own | {
        "code": code,
        "detail": f"by RabbitMQ: {detail}",
        "attempts": death.get("count"),
        "queue": death.get("queue"),
        "exchange": death.get("exchange"),
        "routing-key": keys[0] if isinstance(keys, list) and keys else "",
        "first-failure": stamp,
        "last-failure": stamp,
    }


def _death(deaths: object) -> dict[str, Any]:
    """Return the death that brought a message here; the latest stands first."""
    known = [each for each in deaths if isinstance(each, dict)] if isinstance(deaths, list) else []
    source = topology.source_queue("")
    here = [each for each in known if _word(each.get("queue")).startswith(source)]
    return next(iter(here or known), {})


def _word(value: object) -> str:
    return "" if value is None else str(plain(value))


def _count(value: object, default: int) -> int:
    return min(max(value, 0), _MAX_COUNT) if isinstance(value, int) else default


def _age(stamp: str) -> float | None:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
