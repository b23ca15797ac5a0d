"""Where a connector's events leave: exchange, routing key, CloudEvents mode, replies."""

from __future__ import annotations

import re
import string
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from connectors.amqp.topology import RESULTS
from connectors.events.doubt import SURE, Doubt
from connectors.messages import OutgoingMessage

if TYPE_CHECKING:
    from connectors.delivery import Delivery
    from connectors.messages import ToneEvent

APP_ID = "tonebus"
STRUCTURED = "application/cloudevents+json; charset=utf-8"
BINARY_PREFIX = "ce-"
"""Knative's RabbitMQ binding; CloudEvents itself has one for AMQP 1.0 only."""

ROUTING_KEY = "{connector}.{tone}"
REPLY_QUEUES = ("amq.rabbitmq.reply-to*", "amq.gen-*")
"""Direct reply-to, and exclusive queues that RabbitMQ named."""
_Short = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
"""A name or a key at the broker; AMQP has room for 255 bytes."""
_FIELDS = frozenset({"connector", "tone", "language", "model", "routing_key"})
_MAX_KEY_BYTES = 255
_MAX_HEADER_CHARS = 1024
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_WORD = re.compile(r"[^\w-]+")
_OURS = "sentiment."
_encode = msgspec.json.Encoder().encode


class OutputConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the events of a connector are published.

    Attributes:
        exchange: Topic exchange for the events; `sentiment.unrouted` takes those for which no queue
            is bound.
        routing_key: Template with `{connector}`, `{tone}`, `{language}`, `{model}` and
            `{routing_key}`, the message's own.
        mode: `structured` puts the whole CloudEvent into the body; `binary` only its data, with the
            attributes in `ce-` headers.
        include_text: Whether the event holds the text that was scored.
        headers: Names of headers of the message that the event keeps: strings and integers, up to
            1,024 characters.
        reply: Whether the `reply_to` of a message receives the event too, with its
            `correlation_id`; sent once, after the message is acknowledged.
        reply_queues: Patterns of the queues that may receive a reply: by default those of direct
            reply-to and those that RabbitMQ named, since a publisher could name any queue.
    """

    exchange: _Short = RESULTS
    routing_key: _Short = ROUTING_KEY
    mode: Literal["structured", "binary"] = "structured"
    include_text: bool = False
    headers: tuple[_Short, ...] = ()
    reply: bool = False
    reply_queues: tuple[_Short, ...] = REPLY_QUEUES


class Output:
    """Puts the events of one connector into messages.

    Attributes:
        include_text: Whether the event carries the text that was scored.
        doubt: When the tone of an event is `unsure`.
    """

    def __init__(self, config: OutputConfig | None = None, doubt: Doubt = SURE) -> None:
        self._config = config = config or OutputConfig()
        self.include_text = config.include_text
        self.doubt = doubt
        self._plain_key = config.routing_key == ROUTING_KEY

    def message(self, event: ToneEvent, delivery: Delivery) -> OutgoingMessage:
        """Return the message in which an event travels, known by the event's id."""
        body, properties = self._content(event, delivery)
        key = (
            f"{delivery.connector}.{key_word(event.data.tone)}"
            if self._plain_key
            else self._key(event, delivery)
        )
        return OutgoingMessage(self._config.exchange, key, body, properties)

    def reply(self, event: ToneEvent | None, delivery: Delivery) -> OutgoingMessage | None:
        """Return the answer to the caller, where the message names a queue that may be answered.

        A publisher may name any queue. One of ours is never answered: there an answer would be
        work, or an input.
        """
        queue = delivery.properties.get("reply_to") if self._config.reply else None
        if not event or not isinstance(queue, str) or queue.startswith(_OURS):
            return None
        if not any(fnmatchcase(queue, each) for each in self._config.reply_queues):
            return None
        body, properties = self._content(event, delivery)
        return OutgoingMessage("", queue, body, properties, mandatory=False)

    def _content(self, event: ToneEvent, delivery: Delivery) -> tuple[bytes, dict[str, Any]]:
        properties: dict[str, Any] = {
            "content_type": STRUCTURED,
            "message_id": event.id,
            "type": event.type,
            "app_id": APP_ID,
        }
        if event.data.origin.correlation_id:
            properties["correlation_id"] = event.data.origin.correlation_id
        wants = event.traceparent or self._config.headers
        headers = self._carried(event, delivery) if wants else {}
        if self._config.mode == "binary":
            properties["content_type"] = event.datacontenttype
            headers |= binary_headers(event)
            body = _encode(event.data)
        else:
            body = _encode(event)
        if headers:
            properties["application_headers"] = headers
        return body, properties

    def _carried(self, event: ToneEvent, delivery: Delivery) -> dict[str, Any]:
        found = delivery.headers
        headers = {
            name: found[name]
            for name in self._config.headers
            if isinstance(found.get(name), str | int) and len(str(found[name])) < _MAX_HEADER_CHARS
        }
        if event.traceparent:
            headers["traceparent"] = event.traceparent
            # without a trace context beside it, it belongs to none
            state = tracestate(found.get("tracestate"))
            if state and traceparent(found.get("traceparent")):
                headers["tracestate"] = state
        return headers

    def _key(self, event: ToneEvent, delivery: Delivery) -> str:
        key = self._config.routing_key.format(
            connector=delivery.connector,
            tone=key_word(event.data.tone),
            language=key_word(_named(event.data.language)),
            model=key_word(event.data.model.name),
            routing_key=delivery.routing_key,
        )
        return key.encode()[:_MAX_KEY_BYTES].decode(errors="ignore")


def key_word(name: str) -> str:
    """Return a name as one word of a routing key, whatever it holds."""
    return _NO_WORD.sub("_", name)


def _named(language: str | None) -> str:
    return "unknown" if language in {None, "und"} else str(language)


def binary_headers(event: ToneEvent) -> dict[str, str]:
    attributes = msgspec.structs.asdict(event)
    # the body, and the content type of the message
    del attributes["data"], attributes["datacontenttype"]
    return {BINARY_PREFIX + name: value for name, value in attributes.items() if value}


def traceparent(value: object) -> str | None:
    """Return a W3C trace context as it came; None where it is none."""
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None


def tracestate(value: object) -> str | None:
    """Return what other tracers noted beside a trace context; None where it is too long."""
    return value if isinstance(value, str) and len(value) < _MAX_HEADER_CHARS else None


def fault_of(template: str) -> str:
    """Say what is wrong with a routing-key template; nothing where it is good."""
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        return str(error)
    for name in fields:
        if name not in _FIELDS:
            known = ", ".join(f"{{{each}}}" for each in sorted(_FIELDS))
            return f"{{{name}}} is not one of {known}"
    return ""
