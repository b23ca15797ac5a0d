"""Events of the official SDK are read, by each of its bindings whose messages come to RabbitMQ."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import amqp, kafka, rabbitmq
from cloudevents.core.v03.event import CloudEvent as EarlierEvent
from cloudevents.core.v1.event import CloudEvent

from connectors.mapping import MappingConfig
from tests.connectors.mapping.reading import read

WHEN = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
ABOUT = "Grüße, 100 %"
DATA: list[tuple[Any, str | None]] = [
    ({"text": "good"}, "application/json"),
    ({"text": "good"}, None),
    (b'{"text": "good"}', "application/json"),
    ('{"text": "good"}', "application/json"),
    ("good", "application/json"),
    ("good", "text/plain"),
    ("good", None),
    (b"good", "text/plain"),
]


def event(
    data: Any, content_type: str | None, kind: type[CloudEvent | EarlierEvent] = CloudEvent
) -> CloudEvent | EarlierEvent:
    attributes: dict[str, Any] = {
        "id": "e-1", "source": "/shop", "type": "t", "subject": ABOUT, "time": WHEN,
    }  # fmt: skip
    if content_type:
        attributes["datacontenttype"] = content_type
    return kind(attributes=attributes, data=data)


def sent(
    binding: str, mode: str, told: CloudEvent | EarlierEvent
) -> tuple[bytes, dict[str, Any], str | None]:
    """Body, headers and content type of a message."""
    binary = mode == "binary"
    if binding == "rabbitmq":
        plain = rabbitmq.to_binary_event(told) if binary else rabbitmq.to_structured_event(told)
        return plain.body, plain.headers, plain.content_type
    if binding == "kafka":
        bridged = kafka.to_binary_event(told) if binary else kafka.to_structured_event(told)
        return bridged.value, bridged.headers, None
    # RabbitMQ makes headers of application properties, and a property of the content type
    converted = amqp.to_binary_event(told) if binary else amqp.to_structured_event(told)
    properties = dict(converted.application_properties)
    return converted.application_data, properties, converted.properties.get("content-type")


@pytest.mark.parametrize(
    "config", [MappingConfig(), MappingConfig(format="cloudevents")], ids=["json", "only"]
)
@pytest.mark.parametrize("binding", ["rabbitmq", "amqp", "kafka"])
@pytest.mark.parametrize("mode", ["binary", "structured"])
@pytest.mark.parametrize("version", [CloudEvent, EarlierEvent], ids=["1.0", "0.3"])
@pytest.mark.parametrize(("data", "content_type"), DATA, ids=repr)
def test_an_event_is_read_in_every_encoding(
    config: MappingConfig,
    binding: str,
    mode: str,
    version: type,
    data: Any,
    content_type: str | None,
) -> None:
    body, headers, label = sent(binding, mode, event(data, content_type, version))
    config = MappingConfig(format=config.format, carry={"about": "$.subject"})
    [found] = read(config, body, headers=headers, content_type=label).texts
    assert (found.content, found.subject) == ("good", "/shop#e-1")
    assert found.written == WHEN.timestamp()
    assert found.carried == {"about": ABOUT}
