"""What the ledger knows of the bodies that it sends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
