"""CloudEvents 1.0 over AMQP 0-9-1, structured and binary.

Binary mode puts the attributes into headers. The CloudEvents AMQP binding writes `cloudEvents:`,
its JMS variant `cloudEvents_`, and Knative's RabbitMQ binding `ce-`: all three are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.errors import BadInput, Skip
from connectors.messages import EVENT_TYPE, SOURCE_PREFIX

if TYPE_CHECKING:
    from connectors.delivery import Delivery

PREFIXES = ("cloudEvents:", "cloudEvents_", "ce-")
_REQUIRED = ("specversion", "id", "source", "type")


def header_attributes(delivery: Delivery) -> dict[str, Any]:
    """Return the attributes of an event in binary mode; nothing where the message is none."""
    return {
        name[len(prefix) :]: str(value)
        for name, value in delivery.headers.items()
        for prefix in PREFIXES
        if name.startswith(prefix)
    }


def unwrap(document: object, attributes: dict[str, Any]) -> tuple[object, dict[str, Any]]:
    """Return the event's data and its attributes; other documents as they are.

    Raises:
        Skip: It is an event of our own: scoring it again would never end.
    """
    if isinstance(document, dict) and "specversion" in document:
        attributes = document
        if "data_base64" in document:
            raise BadInput("cloudevent", "data_base64: binary data holds no text")
        document = document.get("data")
    if (
        attributes
        and attributes.get("type") == EVENT_TYPE
        and str(attributes.get("source")).startswith(SOURCE_PREFIX)
    ):
        raise Skip("loop")
    return document, attributes


def check(attributes: dict[str, Any]) -> None:
    """Refuse what a connector for CloudEvents alone does not take."""
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        raise BadInput("cloudevent", f"not a CloudEvent: no {', '.join(missing)}")
