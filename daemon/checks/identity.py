"""What a connector's messages are known by, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.mapping.expressions import gives_list
from daemon.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.messages import Text
    from daemon.settings import ConnectorSettings, Settings

NAMELESS = (
    "no identity: each delivery of this message counts as a message of its own, and a repeat "
    "cannot be known. Fix: have the publisher set the AMQP message id, or name the field that "
    "holds an id by the connector's `id`"
)


def rule(connector: ConnectorSettings) -> str:
    """Return what a connector's messages are known by: the first of these that a message has."""
    found = ["CloudEvent source and id", "AMQP message id"]
    if own := _of_message(connector):
        found.insert(1, f"`{own}`")
    return ", else ".join(found)


def warnings(settings: Settings) -> Iterator[Problem]:
    """Find connectors whose messages may be known by nothing."""
    for place, each in enumerate(settings.connectors):
        if each.format == "json" and _is_of_texts(each) and not each.message_id:
            yield Problem(
                ("connectors", place, "id"),
                f"{each.id!r} gives ids of texts, which may be unique within their message only: "
                f"a message of {each.name!r} without an AMQP message id, or a CloudEvent's source "
                "and id, is another one at each delivery",
                "have the publisher set the AMQP message id, or name the field that holds an id of "
                "the message by `message_id`; `tonebus try` shows what a message is known by",
                "warning",
            )


def known_by(text: Text, connector: ConnectorSettings) -> str:
    """Return what a text is known by when it comes again; empty where it is known by nothing."""
    kinds = {
        "event": "CloudEvent source and id",
        "id": f"`{_of_message(connector)}`",
        "message": "AMQP message id",
    }
    kind, rest = _kind(text.source_id or "")
    by_position = kind == "position"
    if by_position:
        kind, rest = _kind(rest.partition(" ")[2])
    found = kinds.get(kind, "")
    if kind == "text":
        # the length of its message's key, that key, and the text's own id
        message = kinds.get(_kind(rest.partition(" ")[2])[0])
        found = f"{message or 'its message'} and `{connector.id}`"
    return f"{found or 'its message'} and its position" if by_position else found


def _kind(key: str) -> tuple[str, str]:
    """Return what a key is of, and the rest of it."""
    kind, _, rest = key.removeprefix("digest ").partition(" ")
    return kind, rest


def _of_message(connector: ConnectorSettings) -> str:
    """Return the expression that finds the id of a message; empty where none does."""
    if connector.format == "text":
        return ""
    return connector.message_id or ("" if _is_of_texts(connector) else connector.id)


def _is_of_texts(connector: ConnectorSettings) -> bool:
    """Whether `id` finds ids of texts, not of their message."""
    return bool(connector.id) and (bool(connector.each) or gives_list(connector.id))
