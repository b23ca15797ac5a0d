"""Exchanges, queues and dead-letter wiring, as data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp.connection import Refused
from connectors.amqp.presence import exists, is_stream
from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.amqp.connection import Broker
    from connectors.amqp.presence import Kind

RESULTS = "sentiment.results"
PARKED = "sentiment.parked"
UNROUTED = "sentiment.unrouted"

DELIVERY_LIMIT = 50
"""Redeliveries until RabbitMQ itself dead-letters a message. High, because every crash of a daemon
counts against each message that it held, not only against the one that caused it."""

BULK, URGENT = 0, 1
"""Priorities of a scoring request: a backlog, and a person who waits."""

_NEVER = 1_000_000_000
"""RabbitMQ 4 would drop what has been looked at twenty times; older ones take no -1 here."""

_OF_OTHERS: dict[Kind, tuple[str, str]] = {
    "exchange": ("passive = true", "set passive = false"),
    "queue": ("`queue`", "leave `queue` out for one of the connector's own"),
}
"""By what a thing is left to its owner, and what to do in place of that."""

_UNROUTED_EVENTS = 100_000
_PARKED_BYTES = 1024**3


class Exchange(msgspec.Struct, frozen=True):
    """A durable exchange; a passive one belongs to others, and is never declared."""

    name: str
    kind: str
    arguments: dict[str, Any] = {}
    passive: bool = False


class Queue(msgspec.Struct, frozen=True):
    """A durable queue; a passive one belongs to others, and is never declared.

    Attributes:
        stream: Whether a passive one must be a stream; else it must be none.
    """

    name: str
    arguments: dict[str, Any]
    passive: bool = False
    stream: bool = False


class Binding(msgspec.Struct, frozen=True):
    """A queue that receives what an exchange gets under a routing-key pattern."""

    exchange: str
    queue: str
    key: str = ""


class Topology(msgspec.Struct, frozen=True):
    """All that one process relies on at the broker, in the order of declaration."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()


def source_queue(connector: str) -> str:
    """The queue from which a connector is read."""
    return f"sentiment.source.{connector}"


def offset_queue(connector: str) -> str:
    """The queue that holds how far a connector has read its stream."""
    return f"sentiment.offset.{connector}"


def scoring_queue(model: str) -> Queue:
    """The queue of scoring requests for a model.

    Requests are disposable, so it is a classic queue of transient messages. The type is named, for
    a virtual host may have another by default; a queue that was declared without agrees with it.
    """
    return Queue(f"sentiment.score.{model}", {"x-queue-type": "classic", "x-max-priority": URGENT})


def topic_pattern(key: str) -> re.Pattern[str]:
    """Compile a binding key, for keys in the form of `with_dots`.

    `*` is one word, `#` any number of words; a word may be empty.
    """
    words = {"*": r"[^.]*\.", "#": r"([^.]*\.)*"}
    return re.compile("".join(words.get(word, re.escape(word) + r"\.") for word in key.split(".")))


def with_dots(key: str) -> str:
    """Return a routing key with a dot after each word; the empty key has none."""
    return f"{key}." if key else ""


def results(exchanges: Iterable[str] = ()) -> Topology:
    """The outgoing side: events, to these exchanges too; events with no queue; parked messages."""
    quorum = {"x-queue-type": "quorum", "x-delivery-limit": _NEVER}
    return Topology(
        exchanges=(
            Exchange(UNROUTED, "fanout"),
            *(
                Exchange(name, "topic", {"alternate-exchange": UNROUTED})
                for name in dict.fromkeys((RESULTS, *exchanges))
            ),
            Exchange(PARKED, "fanout"),
        ),
        queues=(
            Queue(UNROUTED, quorum | {"x-max-length": _UNROUTED_EVENTS}),
            # a full parking queue refuses, so that nothing parked is ever dropped for space
            Queue(
                PARKED,
                quorum | {"x-max-length-bytes": _PARKED_BYTES, "x-overflow": "reject-publish"},
            ),
        ),
        bindings=(Binding(UNROUTED, UNROUTED), Binding(PARKED, PARKED)),
    )


def source(
    connector: str, exchange: str, patterns: Iterable[str], *, passive: bool = False
) -> Topology:
    """The incoming side of one connector."""
    queue = _own_queue(connector)
    return Topology(
        exchanges=(Exchange(exchange, "topic", passive=passive),),
        queues=(queue,),
        bindings=tuple(Binding(exchange, queue.name, pattern) for pattern in patterns),
    )


def _own_queue(connector: str) -> Queue:
    return Queue(
        source_queue(connector),
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": PARKED,
            "x-dead-letter-routing-key": connector,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def queue_of_others(name: str) -> Topology:
    """The incoming side of a connector that consumes from a queue of others."""
    return Topology(queues=(Queue(name, {}, passive=True),))


def stream(connector: str, name: str, keep: str) -> Topology:
    """The incoming side of a connector that reads a stream, with a queue that takes its replays."""
    of_others = Queue(name, {}, passive=True, stream=True)
    return Topology(queues=(of_others, _own_queue(connector), place_queue(keep)))


def place_queue(name: str) -> Queue:
    """A queue that holds how far a stream was read."""
    return Queue(name, {"x-queue-type": "quorum", "x-delivery-limit": _NEVER, "x-max-length": 1})


def scoring(models: Iterable[str]) -> Topology:
    """The queues between the daemon and its workers."""
    return Topology(queues=tuple(scoring_queue(model) for model in models))


def apply(broker: Broker, *parts: Topology) -> None:
    """Declare everything; what exists already, and agrees, stays as it is.

    Raises:
        Misconfigured: Something exists with other properties, or may not be declared; the message
            names it and says what the broker said.
    """
    channel = broker.channel()
    for part in parts:
        for exchange in part.exchanges:
            if exchange.passive:
                _find(broker, "exchange", exchange.name)
                continue
            _declare(
                broker, f"exchange {exchange.name!r}", channel.exchange_declare,
                exchange.name, exchange.kind, durable=True, auto_delete=False,
                arguments=exchange.arguments,
            )  # fmt: skip
        for queue in part.queues:
            if queue.passive:
                _find(broker, "queue", queue.name)
                _check_kind(broker, queue)
                continue
            _declare(
                broker, f"queue {queue.name!r}", channel.queue_declare,
                queue.name, durable=True, auto_delete=False, arguments=queue.arguments,
            )  # fmt: skip
        for binding in part.bindings:
            _declare(
                broker, f"binding of queue {binding.queue!r} to {binding.exchange!r}",
                channel.queue_bind, binding.queue, binding.exchange, binding.key,
            )  # fmt: skip
    broker.attempt(channel.close)


def verify(broker: Broker, *parts: Topology) -> None:
    """Find everything in place, and declare nothing; bindings cannot be seen this way.

    What this user may not see counts as there: what needs it finds out.

    Raises:
        Misconfigured: Something is missing; the message names all of it.
    """
    things: list[tuple[Kind, str]] = []
    for part in parts:
        things += [("exchange", each.name) for each in part.exchanges]
        things += [("queue", each.name) for each in part.queues]
    missing = [f"{kind} {name!r}" for kind, name in things if _missing(broker, kind, name)]
    if missing:
        raise Misconfigured(
            f"missing at the broker: {', '.join(missing)}; with manage_topology = false they are "
            "not declared. Fix: import what `tonebus topology export` prints"
        )
    for part in parts:
        for queue in part.queues:
            if queue.passive:
                _check_kind(broker, queue)


def _missing(broker: Broker, kind: Kind, name: str) -> bool:
    try:
        return not exists(broker, kind, name)
    except Refused:
        return False


def _find(broker: Broker, kind: Kind, name: str) -> None:
    if _missing(broker, kind, name):
        setting, instead = _OF_OTHERS[kind]
        raise Misconfigured(
            f"{kind} {name!r} does not exist, and {setting} leaves it to its owner. Fix: have its "
            f"owner declare it, or {instead}"
        )


def _check_kind(broker: Broker, queue: Queue) -> None:
    found = is_stream(broker, queue.name)
    if found and not queue.stream:
        raise Misconfigured(
            f"queue {queue.name!r} is a stream, and nothing says where to begin in it. Fix: set "
            "`offset`, such as 'first' or 'next'"
        )
    if queue.stream and found is False:
        raise Misconfigured(
            f"queue {queue.name!r} is no stream, and has no offsets. Fix: leave `offset` out"
        )


def _declare(broker: Broker, what: str, call: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - py-amqp has no types
    try:
        broker.attempt(call, *args, **kwargs)
    except Refused as refused:
        said = str(refused)
        if "PRECONDITION_FAILED" in said:
            fix = "`tonebus topology plan` shows every difference and the way to migrate"
        elif "ACCESS_REFUSED" in said:
            fix = (
                "see docs/how-to/permissions.md, or set manage_topology = false"
                " and let others declare"
            )
        else:
            fix = "see the broker's log"
        raise Misconfigured(f"{what} cannot be declared: {said}. Fix: {fix}.") from refused
