"""The parked messages, one by one: look at them, replay them, throw them away."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp import topology
from connectors.amqp.connection import Refused
from connectors.amqp.publisher import Sink
from connectors.errors import Unavailable
from connectors.messages import Letter
from connectors.parking.headers import HEADER, Replayed, headers
from connectors.parking.park import DEATH, KEPT_PROPERTIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.amqp.connection import Broker

_SOURCE = topology.source_queue("")
_PATIENCE_SECONDS = 1.0
_RETURN_TRIES = 50
_RETURN_SECONDS = 0.02
_CONFIRM_TRIES = 30
UNREADABLE = "delivery-limit"
"""Code of what RabbitMQ itself parked: each delivery ended in a crash or a lost connection."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One parked message.

    Attributes:
        key: Digest by which to name it on a command line; equal messages share it.
        tag: Delivery tag, on the channel that fetched it.
        age: Seconds since it was parked; None where nothing says so.
        replays: How often it was replayed before.
        texts: Positions of the texts that failed; empty for the message as a whole.
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
    revision: str
    body: bytes
    properties: dict[str, Any]


class Shelf:
    """The parked messages that were there when it was opened.

    What is fetched and neither replayed nor dropped goes back to its place when the shelf is
    closed, also where the process is killed.
    """

    def __init__(self, broker: Broker) -> None:
        """Open channels to read and to publish.

        Raises:
            Refused: There is no such queue, or we may not read it.
        """
        self._broker = broker
        self._channel = broker.channel()
        try:
            declared = broker.attempt(self._channel.queue_declare, topology.PARKED, passive=True)
        except Refused as refused:
            raise Refused(
                f"{refused}. Fix: where the queue is missing, `tonebus topology apply`; where "
                "access is refused, grant this user to read it"
            ) from None
        self._left = int(declared.message_count)
        self.depth = self._left
        self._held: set[int] = set()
        self._sink: Sink[int] | None = None

    def __iter__(self) -> Iterator[Entry]:
        """Fetch one after the other, the oldest first; what is parked meanwhile is left alone."""
        while self._left > 0:
            self._left -= 1
            message = self._broker.attempt(self._channel.basic_get, topology.PARKED)
            if message is None:
                return
            self._held.add(message.delivery_info["delivery_tag"])
            yield entry(message)

    def replay(self, each: Entry) -> None:
        """Send a message back to its source queue; when that is confirmed, take it off the shelf.

        Killed in between, it is in both places, and nothing is lost.

        Raises:
            Unavailable: It has no source queue any more, or the broker does not confirm.
        """
        if not each.queue.startswith(_SOURCE):
            raise Unavailable(
                f"parked message {each.key} names no source queue; look at it with `parked show`"
            )
        if self._sink is None:
            self._sink = Sink(self._broker)
        self._sink.publish(_again(each), each.tag)
        for _ in range(_CONFIRM_TRIES):
            try:
                outcomes = self._sink.outcomes()
            except Unavailable:
                raise Unavailable(
                    f"queue {each.queue!r} does not exist: is connector {each.connector!r} still "
                    "configured? Fix: `tonebus topology apply`, or purge the message"
                ) from None
            if any(not safe for _, safe in outcomes):
                raise Unavailable(f"queue {each.queue!r} is full or failing; replay later")
            if outcomes:
                self.drop(each)
                return
            self._broker.wait(_PATIENCE_SECONDS)
        raise Unavailable("RabbitMQ confirmed nothing; the message is still parked")

    def drop(self, each: Entry) -> None:
        """Take a message off the shelf for good."""
        self._broker.attempt(self._channel.basic_ack, each.tag)
        self._held.discard(each.tag)

    def close(self) -> None:
        """Put back what was only looked at, and see it there: RabbitMQ takes a moment for it."""
        self._broker.attempt(self._channel.close)
        channel = self._broker.channel()
        for _ in range(_RETURN_TRIES):
            declared = self._broker.attempt(channel.queue_declare, topology.PARKED, passive=True)
            # somebody else may look at them by now: then it need not be waited for
            if declared.message_count >= len(self._held):
                break
            self._broker.wait(_RETURN_SECONDS)


def entry(message: Any) -> Entry:  # noqa: ANN401 - py-amqp has no types
    """Read one message of the parking queue, parked by us or by RabbitMQ itself."""
    properties = dict(message.properties)
    found = properties.pop("application_headers", None) or {}
    body = message.body.encode() if isinstance(message.body, str) else bytes(message.body)
    own = {name.removeprefix(HEADER): value for name, value in found.items()
           if name.startswith(HEADER)}  # fmt: skip
    # the whole of them where RabbitMQ parked it, for then the headers are still the upstream's
    if "code" not in own:
        own = _by_broker(message.delivery_info, found) | {
            "headers": {name: value for name, value in found.items()
                        if not name.startswith((HEADER, *DEATH))}
        }  # fmt: skip
    last = str(own.get("last-failure", ""))
    return Entry(
        key=blake2b(body + repr(sorted(map(str, own.items()))).encode(), digest_size=5).hexdigest(),
        tag=message.delivery_info["delivery_tag"],
        code=str(own.get("code", "")),
        stage=str(own.get("stage", "")),
        detail=str(own.get("detail", "")),
        attempts=_int(own.get("attempts"), 1),
        connector=str(own.get("connector", "")),
        queue=str(own.get("queue", "")),
        exchange=str(own.get("exchange", "")),
        routing_key=str(own.get("routing-key", "")),
        first_failure=str(own.get("first-failure", "")),
        last_failure=last,
        age=_age(last),
        replays=_int(own.get("replays"), 0),
        texts=tuple(int(each) for each in str(own.get("texts", "")).split(",") if each.isdecimal()),
        revision=str(own.get("model-revision", "")),
        body=body,
        properties={name: properties[name] for name in KEPT_PROPERTIES if name in properties}
        | {"headers": own.get("headers") if isinstance(own.get("headers"), dict) else {}},
    )


def summary(each: Entry) -> dict[str, Any]:
    """Return what may be shown of a message without showing its text."""
    data = msgspec.structs.asdict(each)
    for hidden in ("tag", "body", "properties"):
        del data[hidden]
    return data | {"bytes": len(each.body), "message_id": each.properties.get("message_id")}


def _by_broker(info: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what RabbitMQ's own dead-letter headers tell."""
    deaths = found.get("x-death")
    death = deaths[0] if isinstance(deaths, list) and deaths else {}
    keys = death.get("routing-keys") or [""]
    when = death.get("time")
    connector = str(info.get("routing_key", ""))
    stamp = when.replace(tzinfo=UTC).isoformat() if isinstance(when, datetime) else ""
    return {
        "code": UNREADABLE,
        "stage": "consume",
        "detail": f"parked by RabbitMQ: {death.get('reason', 'headers that cannot be read')}",
        "attempts": _int(death.get("count"), 1),
        "connector": connector,
        "queue": str(death.get("queue") or topology.source_queue(connector)),
        "exchange": str(death.get("exchange", "")),
        "routing-key": str(keys[0]),
        "first-failure": stamp,
        "last-failure": stamp,
        "replays": found.get(f"{HEADER}replays", 0),
    }


def _again(each: Entry) -> Letter:
    """Return a parked message as its upstream sent it, for its source queue alone."""
    properties = dict(each.properties)
    properties["application_headers"] = properties.pop("headers") | headers(
        Replayed(
            times=each.replays + 1,
            exchange=each.exchange,
            routing_key=each.routing_key,
            first_failure=each.first_failure,
            texts=frozenset(each.texts),
        )
    )
    return Letter("", each.queue, each.body, properties)


def _age(stamp: str) -> float | None:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(stamp)).total_seconds()
    except (ValueError, TypeError):
        return None


def _int(value: object, default: int) -> int:
    return value if isinstance(value, int) else default
