"""Messages as a connector's upstream would publish them, around any text."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import Misconfigured
from connectors.mapping.expressions import PATH
from connectors.messages import OutgoingMessage

if TYPE_CHECKING:
    from daemon.settings import ConnectorSettings

TEXT, ID = "$text", "$id"
_MAIL = """Message-ID: <{id}@tonebus.invalid>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{text}"""


def message(
    connector: ConnectorSettings, text: str, *, routing_key: str = "", template: str = ""
) -> OutgoingMessage:
    """Return an input message with an id of its own, in a connector's shape.

    In the template, which is JSON, `$text` and `$id` stand for text and id; without one it is the
    least that the connector reads. Without a routing key it has one that the first binding matches.

    Raises:
        Misconfigured: The connector's expressions are no plain paths, so that it needs a template;
            or the template is not JSON.
    """
    message_id = uuid.uuid4().hex
    properties = {"content_type": "application/json", "message_id": message_id}
    if connector.format == "text" and not template:
        body = text.encode()
        properties["content_type"] = "text/plain"
    elif connector.format == "mail" and not template:
        body = _MAIL.format(id=message_id, text=text).encode()
        properties["content_type"] = "message/rfc822"
    else:
        document = _parsed(template) if template else _least(connector)
        body = msgspec.json.encode(_filled(document, {TEXT: text, ID: message_id}))
    if connector.format == "cloudevents" and not template:
        properties["content_type"] = "application/cloudevents+json"
    if connector.queue:
        # which exchange leads to it is its owner's affair
        return OutgoingMessage("", connector.queue, body, properties)
    return OutgoingMessage(connector.exchange, routing_key or key_for(connector), body, properties)


def key_for(connector: ConnectorSettings) -> str:
    words = connector.bindings[0].split(".")
    return ".".join("tonebus" if word in {"*", "#"} else word for word in words)


def _least(connector: ConnectorSettings) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if deep := [name for name in ("document", "each", "template") if getattr(connector, name)]:
        raise Misconfigured(
            f"connector {connector.name!r} has `{deep[0]}`, so that no message can be made up for "
            "it. Fix: give --template FILE, a sample message with $text and $id in it"
        )
    for path, value in ((connector.id, ID), (connector.text, TEXT)):
        if path and not PATH.fullmatch(path):
            raise Misconfigured(
                f"connector {connector.name!r} finds its text or id by {path!r}, which is no plain "
                "path. Fix: give --template FILE, a sample message with $text and $id in it"
            )
        if path:
            _put(document, path.split("."), value)
    if connector.format != "cloudevents":
        return document
    return {
        "specversion": "1.0", "id": ID, "source": "/tonebus-publish", "type": "tonebus.publish",
        "data": document,
    }  # fmt: skip


def _put(document: dict[str, Any], path: list[str], value: str) -> None:
    name, *rest = path
    if rest:
        _put(document.setdefault(name, {}), rest, value)
    else:
        document[name] = value


def _filled(value: Any, words: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _filled(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, words) for each in value]
    return words.get(value, value) if isinstance(value, str) else value


def _parsed(template: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return msgspec.json.decode(template)
    except msgspec.DecodeError as error:
        raise Misconfigured(f"the template is not JSON: {error}") from None
