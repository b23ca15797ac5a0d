"""CloudEvents 1.0 over AMQP 0-9-1: structured, binary and in batches.

Binary mode puts the attributes into headers. The CloudEvents AMQP binding writes `cloudEvents:`,
its JMS variant `cloudEvents_`, Knative's RabbitMQ binding and Spring `ce-`, and bridges from Kafka
`ce_`: all of them are read, in any case, as bridges from HTTP change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import BadInput, Skip
from connectors.mapping.documents import parse, read, recognised, text_in_base64
from connectors.messages import EVENT_TYPE, SOURCE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeGuard

_PREFIXES = ("cloudevents:", "cloudevents_", "ce-", "ce_")
_REQUIRED = ("specversion", "id", "source", "type")


class Document(msgspec.Struct, frozen=True):
    """What a message, or one event of a batch, says.

    Attributes:
        value: JSON; or a text, where `is_text`.
        is_text: Whether the value is the text itself, so that nothing is to be looked for in it.
        attributes: Those of a CloudEvent; none where it is no event.
        whole: What the value is a part of: of an event, its attributes and `data`.
    """

    value: object
    is_text: bool
    attributes: Mapping[str, Any]
    whole: object


def is_attribute(header: str) -> bool:
    """Whether a header would be taken for an attribute of an event."""
    return header.lower().startswith(_PREFIXES)


def is_batch(value: object) -> TypeGuard[list[Any]]:
    """Whether JSON is a batch of events."""
    return isinstance(value, list) and bool(value) and all(map(_is_structured, value))


def from_headers(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the attributes of an event in binary mode; nothing where the message is none."""
    found = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower.startswith(_PREFIXES):
            prefix = next(each for each in _PREFIXES if lower.startswith(each))
            found[lower[len(prefix) :]] = _word(value)
    # a single header may only look like it
    is_event = "specversion" in found or ("id" in found and "source" in found)
    return found if is_event else {}


def unwrap(
    value: object, *, is_text: bool, attributes: Mapping[str, Any], whole_body: bool
) -> Document:
    """Return what an event says, with the attributes found in headers; what is none, as it is.

    A connector may take the whole body as the text, whatever it looks like.

    Raises:
        BadInput: Its data is nothing that can be read.
        Skip: It is an event of our own: scoring it again would never end.
    """
    if not whole_body and _is_structured(value):
        attributes = value
        value = _data(value)
    if attributes and _is_ours(attributes):
        raise Skip("loop")
    if isinstance(value, str) and not (is_text or whole_body):
        value = read(value)
    # a JSON string that holds no document is a text that its publisher's library has encoded
    is_text = whole_body or isinstance(value, str)
    whole = {**attributes, "data": value} if attributes else value
    return Document(value, is_text, attributes, whole)


def check(attributes: Mapping[str, Any]) -> None:
    """Refuse what a connector for CloudEvents alone does not take."""
    missing = [name for name in _REQUIRED if not attributes.get(name)]
    if missing:
        raise BadInput("cloudevent", f"not a CloudEvent: no {', '.join(missing)}")


def _is_structured(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and "specversion" in value


def _is_ours(attributes: Mapping[str, Any]) -> bool:
    source = attributes.get("source")
    return (
        attributes.get("type") == EVENT_TYPE
        and isinstance(source, str)
        and source.startswith(SOURCE_PREFIX)
    )


def _data(event: dict[str, Any]) -> object:
    """Return the data of a structured event (JSON event format, section 3.1; before 1.0, 2.1)."""
    kind = str(event.get("datacontenttype") or "").lower()
    data, encoded = event.get("data"), event.get("data_base64")
    if str(event.get("datacontentencoding")).lower() == "base64":
        data, encoded = None, data
    if data is None and encoded is not None:
        text = _decoded(encoded)
        data = parse(text) if "json" in kind else text
    textual = not kind or kind.startswith("text/") or "json" in kind
    if isinstance(data, str) and not textual and isinstance(recognised(data), str):
        raise BadInput("content-type", f"datacontenttype {kind[:80]!r}: expected JSON or text")
    return data


def _decoded(data: object) -> str:
    try:
        return text_in_base64(data if isinstance(data, str) else "?")
    except BadInput as bad:
        raise BadInput("cloudevent", f"data_base64: {bad.detail}") from None


def _word(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
