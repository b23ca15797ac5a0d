"""What the oracle publishes, and what must come of each message."""

from __future__ import annotations

import json
import random
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS = (
    *("the", "it", "was", "is", "not", "very", "really", "today", "again", "never", "always"),
    *("good", "great", "love", "nice", "ok", "fine", "thanks", "bad", "awful", "hate", "broken"),
    *("late", "refund", "order", "app", "service", "phone"),
)
_SHARES = {
    "new": 0.60, "repeated text": 0.30, "repeated message": 0.03, "other text": 0.02,
    "no id": 0.02, "blank": 0.01, "poison": 0.02,
}  # fmt: skip
_RECENT = 200
INPUT, CALM, BAD = "sentiment.input", "calm.events", "bad.events"
"""Exchanges of the three connectors; to the last one goes nothing but rubbish."""
_CALM_SHARE = 4
_RUBBISH = "rubbish-"


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish.

    Attributes:
        key: Its correlation id, by which its outcome is known; the same for a message that is sent
            twice, another for another text under the same id.
        source_id: Its own id; empty where it has none.
        text: What is to be labelled; None where the message must be parked.
        code: The reason with which it must be parked.
    """

    key: str
    body: bytes
    source_id: str = ""
    text: str | None = None
    code: str = ""
    content_type: str = "application/json"
    content_encoding: str | None = None

    @property
    def exchange(self) -> str:
        """Where it is published to: copies of one message to the same."""
        if self.key.startswith(_RUBBISH):
            return BAD
        return INPUT if zlib.crc32(self.key.encode()) % _CALM_SHARE else CALM


def rubbish(number: int) -> Message:
    """Return a message of the connector whose upstream sends nothing good."""
    return Message(f"{_RUBBISH}{number}", b"{", code="json")


def traffic(seed: int, count: int, first: int = 0) -> Iterator[Message]:
    """Yield messages: new texts, repeats of texts and of messages, a few bad ones.

    Args:
        seed: The same seed, the same messages.
        count: How many.
        first: Number of the first: ids and new texts carry it.
    """
    dice = random.Random(seed)
    recent: list[Message] = []
    for number in range(first, first + count):
        message = _next(dice, number, recent)
        if message.text:
            recent.append(message)
            del recent[:-_RECENT]
        yield message


def _next(dice: random.Random, number: int, recent: list[Message]) -> Message:
    source_id = f"m-{number}"
    earlier = dice.choice(recent) if recent else None
    text = _text(dice, number)
    match dice.choices(list(_SHARES), list(_SHARES.values()))[0]:
        case "poison":
            return _poison(dice, number)
        case "blank":
            text = dice.choice(["", " \n", "\u200b"])
        case "repeated text" if earlier:
            text = str(earlier.text)
        case "repeated message" if earlier and earlier.source_id:
            return earlier
        case "other text" if earlier and earlier.source_id:
            return _with_id(earlier.source_id, text, f"other-{number}")
        case "no id":
            return _without_id(number, text)
    return _with_id(source_id, text)


def _text(dice: random.Random, number: int) -> str:
    return " ".join([f"number {number}", *dice.choices(_WORDS, k=dice.randint(1, 30))])


def _with_id(source_id: str, text: str, key: str = "") -> Message:
    body = json.dumps({"id": source_id, "text": text}).encode()
    return Message(key or source_id, body, source_id, text)


def _without_id(number: int, text: str) -> Message:
    return Message(f"anonymous-{number}", json.dumps({"text": text}).encode(), text=text)


def _poison(dice: random.Random, number: int) -> Message:
    """A message that can never be labelled, and the reason with which it must be parked."""
    key = f"poison-{number}"
    good = json.dumps({"id": key, "text": "fine"}).encode()
    return dice.choice(
        [
            Message(key, good[:-1], code="json"),
            Message(key, b"", code="empty"),
            Message(key, good.replace(b'"fine"', b"[1]"), code="text-type"),
            Message(key, good.replace(b'"text"', b'"words"'), code="no-text-field"),
            Message(key, good.replace(b"fine", b"\xff\xfe"), code="encoding"),
            Message(key, zlib.compress(good), code="encoding", content_encoding="zlib"),
            Message(key, good, code="content-type", content_type="application/x-python-serialize"),
        ]
    )
