"""The topology in the forms in which RabbitMQ's own tools take it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from connectors.amqp.topology import Topology


def definitions(parts: Iterable[Topology], vhost: str) -> dict[str, Any]:
    """Return definitions for `rabbitmqctl import_definitions` or the management page."""
    parts = list(parts)
    return {
        "exchanges": [
            {
                "name": each.name, "vhost": vhost, "type": each.kind, "durable": True,
                "auto_delete": False, "internal": False, "arguments": each.arguments,
            }
            for part in parts for each in part.exchanges if not each.passive
        ],
        "queues": [
            {
                "name": each.name, "vhost": vhost, "durable": True, "auto_delete": False,
                "arguments": each.arguments,
            }
            for part in parts for each in part.queues if not each.passive
        ],
        "bindings": [
            {
                "source": each.exchange, "vhost": vhost, "destination": each.queue,
                "destination_type": "queue", "routing_key": each.key, "arguments": {},
            }
            for part in parts for each in part.bindings
        ],
    }  # fmt: skip


def rabbitmqadmin(parts: Iterable[Topology], vhost: str) -> Iterator[str]:
    """Yield the same as commands for rabbitmqadmin as it was before version 2."""
    told = definitions(parts, vhost)
    start = f"rabbitmqadmin --vhost={shlex.quote(vhost)} declare"
    for each in told["exchanges"]:
        yield f"{start} exchange " + _pairs(each, "name", "type", "durable", "arguments")
    for each in told["queues"]:
        yield f"{start} queue " + _pairs(each, "name", "durable", "arguments")
    for each in told["bindings"]:
        yield f"{start} binding " + _pairs(each, "source", "destination", "routing_key")


def rabbitmqadmin_v2(parts: Iterable[Topology], vhost: str) -> Iterator[str]:
    """Yield the same as commands for rabbitmqadmin 2, the one that RabbitMQ 4.3 has."""
    told = definitions(parts, vhost)
    start = f"rabbitmqadmin --vhost {shlex.quote(vhost)} declare"
    for each in told["exchanges"]:
        yield f"{start} exchange " + _flags(each, "name", "type", "durable", "arguments")
    for each in told["queues"]:
        arguments = dict(each["arguments"])
        kind = {"type": arguments.pop("x-queue-type")}
        queue = each | kind | {"arguments": arguments}
        yield f"{start} queue " + _flags(queue, "name", "type", "durable", "arguments")
    for each in told["bindings"]:
        yield f"{start} binding " + _flags(
            each, "source", "destination_type", "destination", "routing_key"
        )


def _pairs(thing: dict[str, Any], *names: str) -> str:
    return " ".join(shlex.quote(f"{name}={_value(thing[name])}") for name in names)


def _flags(thing: dict[str, Any], *names: str) -> str:
    return " ".join(
        f"--{name.replace('_', '-')} {shlex.quote(_value(thing[name]))}" for name in names
    )


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
