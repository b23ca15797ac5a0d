"""What the ledger knows of the bodies that it sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connectors.amqp import topology

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.messages import OutgoingMessage


def texts(body: bytes) -> list[str]:
    """The texts of a message; none where it cannot be read."""
    texts = [] if b"broken" in body else json.loads(body)["text"]
    return [texts] if isinstance(texts, str) else texts


def failed(copy: OutgoingMessage) -> set[int] | None:
    """The texts that a parked copy names as failed; None where the whole message is."""
    named = copy.properties["application_headers"].get("tonebus-texts")
    return {int(each) for each in named.split(",")} if named else None


def identity(body: dict[str, Any]) -> str:
    return repr((body["to"], body["text"], body.get("id")))


def bad(model: str) -> str:
    """The text that a model fails on; that a further model does is no reason to park it."""
    return "sulky" if model == "moods" else "poison"


def events(safe: Iterable[OutgoingMessage]) -> list[tuple[str, dict[str, Any]]]:
    """The events of what is safe, each once, with the connector that each comes from."""
    found = {
        str(each.properties["message_id"]): (each.routing_key[0], json.loads(each.body))
        for each in safe
        if each.exchange == topology.RESULTS
    }
    return list(found.values())


def is_answered(event: dict[str, Any]) -> bool:
    """Whether an event has what the further model says, or else the reason why not."""
    said = event["data"]["tones"]["moods"]
    return bool(said["scores"]) != ("reason" in said)


def index(event: dict[str, Any]) -> int:
    """The position of its text in the message."""
    place: int = event["data"]["origin"]["index"]
    return place
