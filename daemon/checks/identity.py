"""What a connector's messages are known by, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jmespath

from daemon.settings.problems import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.messages import Utterance
    from daemon.settings import ConnectorSettings, Settings

NAMELESS = (
    "no identity: each delivery of this message counts as a message of its own, and a repeat "
    "cannot be known. Fix: have the publisher set the AMQP message id, or name the field that "
    "holds an id by the connector's `id`"
)
_LISTS = {
    "filter_projection", "flatten", "multi_select_list", "projection", "slice", "value_projection",
}  # fmt: skip


def rule(connector: ConnectorSettings) -> str:
    """Return what a connector's messages are known by: the first of these that a message has."""
    found = ["CloudEvent source and id", "AMQP message id"]
    if connector.format != "text" and connector.id and not _is_list(connector.id):
        found.insert(1, f"`{connector.id}`")
    return ", else ".join(found)


def warnings(settings: Settings) -> Iterator[Fault]:
    """Find connectors whose messages may be known by nothing."""
    for place, each in enumerate(settings.connectors):
        if each.format == "json" and _is_list(each.id):
            yield Fault(
                ("connectors", place, "id"),
                f"{each.id!r} gives ids of texts, which may be unique within their message only: "
                f"a message of {each.name!r} without an AMQP message id, or a CloudEvent's source "
                "and id, is another one at each delivery",
                "have the publisher set the AMQP message id; `tonebus try` shows what a message is "
                "known by",
                "warning",
            )


def known_by(utterance: Utterance, connector: ConnectorSettings) -> str:
    """Return what a text is known by when it comes again; empty where it is known by nothing."""
    kinds = {
        "event": "CloudEvent source and id",
        "id": f"`{connector.id}`",
        "message": "AMQP message id",
    }
    kind, _, rest = (utterance.source_id or "").removeprefix("digest ").partition(" ")
    if kind != "text":
        return kinds.get(kind, "")
    # `text`, the length of its message's key, that key, and the text's own id
    message = kinds.get(rest.partition(" ")[2].removeprefix("digest ").partition(" ")[0])
    return f"{message or 'its message'} and `{connector.id}`"


def _is_list(expression: str) -> bool:
    """Whether an expression gives a list, whatever it finds."""
    node = jmespath.compile(expression).parsed if expression else {"type": ""}
    while node["type"] in {"pipe", "subexpression"}:
        node = node["children"][-1]
    return node["type"] in _LISTS
