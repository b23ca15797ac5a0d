"""The contract of the running configuration, as an AsyncAPI 3 document with AMQP bindings."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from connectors.amqp import topology
from connectors.amqp.nodes import nodes
from connectors.events.doubt import UNSURE
from connectors.events.output import STRUCTURED, key_word
from connectors.messages import EVENT_TYPE, NO_TONE
from daemon.contract.json_schema import components, input_schema
from daemon.model import labels
from daemon.process import wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from daemon.settings import ConnectorSettings, Settings

_BINDING = "0.3.0"
_INPUTS = {
    "json": "application/json",
    "cloudevents": "application/cloudevents+json",
    "text": "text/plain",
    "mail": "message/rfc822",
}

_EVENTS = {
    "toneEvent": {
        "name": EVENT_TYPE,
        "title": "A tone event, as a CloudEvent in structured mode",
        "contentType": STRUCTURED,
        "payload": {"$ref": "#/components/schemas/ToneEvent"},
    },
    "label": {
        "name": f"{EVENT_TYPE}.binary",
        "title": "A tone event, as a CloudEvent in binary mode: attributes in ce- headers",
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": {"ce-id": {"type": "string"}, "ce-type": {"const": EVENT_TYPE}},
            "required": ["ce-id", "ce-source", "ce-specversion", "ce-type"],
        },
        "payload": {"$ref": "#/components/schemas/Label"},
    },
}


def asyncapi(settings: Settings) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of every exchange, queue, key and message."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = dict(_EVENTS)
    for connector in settings.connectors:
        _add_connector(connector, _tones(settings, connector), channels, operations, messages)
    for part in wiring.topology(settings):
        for queue in part.queues:
            channels.setdefault(_key(queue.name), _queue(queue))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tonebus",
            "version": version("tonebus"),
            "description": "Labels the tone of messages on a RabbitMQ bus.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"rabbitmq": _server(settings)},
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": components("#/components/schemas/")},
    }


def _server(settings: Settings) -> dict[str, Any]:
    node = nodes(settings.broker.url)[0]
    return {
        "host": f"{node.host}:{node.port}",
        "protocol": node.scheme,
        "protocolVersion": "0.9.1",
        "pathname": f"/{node.vhost.lstrip('/')}",
    }


def _add_connector(
    connector: ConnectorSettings, tones: str, channels: dict[str, Any],
    operations: dict[str, Any], messages: dict[str, Any],
) -> None:  # fmt: skip
    name, out = connector.name, connector.output
    messages[f"{name}.input"] = {
        "name": f"{name}.input",
        "title": f"A message of {name}",
        "contentType": _INPUTS[connector.format],
        "payload": input_schema(connector.mapping_config()),
    }
    key, source = _source(connector, channels)
    source.setdefault("messages", {})[f"{name}.input"] = _ref(
        "components", "messages", f"{name}.input"
    )
    kind = "label" if out.mode == "binary" else "toneEvent"
    results = channels.setdefault(_key(out.exchange), _exchange(out.exchange, out.routing_key))
    results["messages"][kind] = _ref("components", "messages", kind)
    operations[f"{name}.read"] = {
        "action": "receive",
        "title": f"Read the messages of {name}",
        "channel": _ref("channels", key),
        "messages": [_ref("channels", key, "messages", f"{name}.input")],
        "bindings": {"amqp": {"ack": True, "bindingVersion": _BINDING}},
    }
    operations[f"{name}.label"] = {
        "action": "send",
        "title": f"Publish the tones of {name}",
        "description": f"Routing key: {out.routing_key}. Tones: {tones}",
        "channel": _ref("channels", _key(out.exchange)),
        "messages": [_ref("channels", _key(out.exchange), "messages", kind)],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}},
    }


def _tones(settings: Settings, connector: ConnectorSettings) -> str:
    """The tones that a connector's events can have, as far as the model's files are here."""
    unsure = [UNSURE] if connector.unsure_below or connector.unsure_margin else []
    own = [*_labels(settings, settings.models_of(connector), _keyed), NO_TONE, *unsure]
    also = (
        f"{each} says: {', '.join([*_labels(settings, [each]), NO_TONE])}"
        for each in connector.also
    )
    return ". ".join([", ".join(own), *also])


def _keyed(tone: str) -> str:
    word = key_word(tone)
    return tone if word == tone else f"{tone} ({word} in the routing key)"


def _labels(
    settings: Settings, models: Iterable[str], shown: Callable[[str], str] = str
) -> list[str]:
    """The tones that models tell, as far as their files are here."""
    found = [[*map(shown, labels.tones_of(settings.model(each)))] for each in models]
    return list(dict.fromkeys(tone for each in found for tone in each or ["those of the model"]))


def _source(connector: ConnectorSettings, channels: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the key and the channel of a connector's messages."""
    if connector.queue:
        key = _key(connector.queue)
        return key, channels.setdefault(key, _queue(topology.Queue(connector.queue, {})))
    # an exchange of others may be of any type; a topic exchange is what bindings are written for
    key = _key(connector.exchange)
    keys = ", ".join(connector.bindings)
    return key, channels.setdefault(key, _exchange(connector.exchange, keys))


def _exchange(name: str, keys: str) -> dict[str, Any]:
    exchange = {"name": name, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": None,
        "title": f"Exchange {name}",
        "description": f"Routing keys: {keys}",
        "servers": [_ref("servers", "rabbitmq")],
        "messages": {},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": _BINDING}
        },
    }


def _queue(queue: topology.Queue) -> dict[str, Any]:
    told = {"name": queue.name, "durable": True, "exclusive": False, "autoDelete": False}
    return {
        "address": queue.name,
        "title": f"Queue {queue.name}",
        "servers": [_ref("servers", "rabbitmq")],
        "bindings": {"amqp": {"is": "queue", "queue": told, "bindingVersion": _BINDING}},
        "x-arguments": queue.arguments,
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _key(name: str) -> str:
    """Return a name that may stand as a key: AsyncAPI allows letters, digits, `.`, `-` and `_`."""
    return "".join(each if each.isalnum() or each in "._-" else "_" for each in name)
