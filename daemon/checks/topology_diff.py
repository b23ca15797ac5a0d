"""What is at the broker, beside what should be there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from connectors.amqp import presence, topology
from connectors.amqp.connection import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.amqp.connection import Broker
    from connectors.amqp.topology import Exchange, Queue, Topology

_INEQUIVALENT = re.compile(r"inequivalent arg '([^']+)' for .*: received .+ but current is (.+)$")
_TYPED = re.compile(r"the value '(.*)' of type '(\w+)'")
_INTEGERS = {"signedint", "unsignedint", "long", "short", "byte", "unsignedbyte", "unsignedshort"}
_MOST_DIFFERENCES = 12
_Kind = Literal["exchange", "queue"]


class Difference(msgspec.Struct, frozen=True):
    """One property that is otherwise than it should be; None where it is not set."""

    name: str
    wanted: Any
    found: Any


class Finding(msgspec.Struct, frozen=True):
    """How one exchange or queue stands.

    Attributes:
        state: `foreign` ones are there and belong to others; `unknown` ones we may not look at.
        detail: What the broker said, where it did not let us look.
    """

    kind: _Kind
    name: str
    state: Literal["present", "missing", "different", "foreign", "unknown"]
    differences: tuple[Difference, ...] = ()
    detail: str = ""
    messages: int | None = None

    @property
    def good(self) -> bool:
        return self.state in {"present", "foreign"}

    @property
    def fix(self) -> str:
        if self.state == "missing":
            return "`tonebus topology apply`, or import what `tonebus topology export` prints"
        if self.state == "unknown":
            return (
                f"grant this user configure permission on {self.name!r};"
                " docs/how-to/permissions.md has more"
            )
        if self.state == "different":
            return _migration(self)
        return ""


def findings(broker: Broker, *parts: Topology) -> Iterator[Finding]:
    """Look at every exchange and queue; nothing is changed.

    Bindings cannot be seen over AMQP: declaring one again is harmless, but one that is no longer
    wanted stays until it is unbound by hand.
    """
    things: dict[tuple[_Kind, str], Exchange | Queue] = {}
    for part in parts:
        for exchange in part.exchanges:
            things.setdefault(("exchange", exchange.name), exchange)
        for queue in part.queues:
            things.setdefault(("queue", queue.name), queue)
    for (kind, _), thing in things.items():
        yield _look(broker, kind, thing)


def _look(broker: Broker, kind: _Kind, thing: Exchange | Queue) -> Finding:
    try:
        there = presence.exists(broker, kind, thing.name)
    except Refused as refused:
        return Finding(kind, thing.name, "unknown", detail=str(refused))
    if not there:
        return Finding(kind, thing.name, "missing")
    if getattr(thing, "passive", False):
        return Finding(kind, thing.name, "foreign")
    try:
        differences = tuple(_differences(broker, kind, thing))
    except Refused as refused:
        return Finding(kind, thing.name, "unknown", detail=str(refused))
    backlog = presence.backlog(broker, thing.name) if kind == "queue" else None
    state: Literal["different", "present"] = "different" if differences else "present"
    messages = backlog.messages if backlog else None
    return Finding(kind, thing.name, state, differences, messages=messages)


def _differences(broker: Broker, kind: str, thing: Exchange | Queue) -> Iterator[Difference]:
    """Declare it as it should be, and listen to what the broker has against it.

    RabbitMQ names one difference at a time: taking over its value brings out the next. A
    declaration that agrees with what exists changes nothing.
    """
    properties = {"durable": True, "auto_delete": False}
    arguments = dict(thing.arguments)
    exchange_type = getattr(thing, "kind", "")
    for _ in range(_MOST_DIFFERENCES):
        channel = broker.channel()
        call = channel.queue_declare if kind == "queue" else channel.exchange_declare
        names = (thing.name,) if kind == "queue" else (thing.name, exchange_type)
        try:
            broker.attempt(call, *names, **properties, arguments=arguments)
        except Refused as refused:
            said = _INEQUIVALENT.search(str(refused))
            if said is None:
                raise
            name, found = said[1], _value(said[2])
            wanted = arguments.get(name, properties.get(name))
            if isinstance(wanted, int) and str(found).isdecimal():
                found = int(found)
            yield Difference(name, exchange_type if name == "type" else wanted, found)
            if name == "type":
                exchange_type = str(found)
            elif name in properties:
                properties[name] = found == "true"
            elif found == wanted:
                return
            elif found is None:
                arguments.pop(name, None)
            else:
                arguments[name] = found
        else:
            broker.attempt(channel.close)
            return


def _value(said: str) -> Any:  # noqa: ANN401 - what an argument may be
    """Read a value as RabbitMQ's messages quote it."""
    if said == "none":
        return None
    if typed := _TYPED.search(said):
        return int(typed[1]) if typed[2] in _INTEGERS else typed[1]
    return said.strip("'")


def _migration(finding: Finding) -> str:
    if finding.kind == "exchange":
        return (
            "if it belongs to others, set passive = true on the connector; else delete it "
            "(on the management page) and `tonebus topology apply` again"
        )
    emptied = {
        topology.PARKED: "empty it by `tonebus parked replay` or `purge`",
        topology.UNROUTED: "consume what you want to keep of it",
    }.get(finding.name, "stop its publishers, let the daemons empty it")
    return (
        f"{emptied} (now {finding.messages} messages), stop the daemons, "
        f"`rabbitmqctl delete_queue --if-empty '{finding.name}'` in its virtual host, then "
        "`tonebus topology apply` and start them again"
    )
