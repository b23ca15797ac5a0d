"""The tone event for a text."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from connectors.events.doubt import SCORE_DIGITS, SURE
from connectors.events.output import traceparent
from connectors.messages import (
    EVENT_TYPE,
    NO_TONE,
    SOURCE_PREFIX,
    Fault,
    FurtherTone,
    Label,
    Origin,
    ToneEvent,
)
from connectors.text import framed, is_blank

if TYPE_CHECKING:
    from connectors.delivery import Delivery
    from connectors.events.doubt import Doubt
    from connectors.messages import Model, Score, Text

_canonical = msgspec.json.Encoder(order="sorted").encode


def event_id(connector: str, text: Text) -> str:
    """Return the id that this text's event has, however often it is delivered.

    What makes the event the same is what makes the text the same, together with all of it that
    the event tells: its words, the fields that it carries, and the language that it names. What is
    found out here is no part of that, such as the label and the model: the event says so itself.
    A message without an identity cannot be known again: its event gets a fresh id each time.
    """
    if text.source_id is None:
        return uuid.uuid4().hex
    told = _canonical([text.carried, text.language]).decode()
    parts = framed(connector, text.source_id, text.content, told)
    return blake2b(parts, digest_size=16).hexdigest()


def trace_context(delivery: Delivery, text: Text | None = None) -> str | None:
    """Return the W3C trace context that a message came with; None where it has none."""
    came = delivery.headers.get("traceparent") or (text and text.traceparent)
    return traceparent(came) if came else None


def reason(score: Score, text: str) -> str | None:
    """Return why a text has no tone; None where it has one."""
    if score.scores:
        return None
    return "blank" if is_blank(text) else "language"


def further_tone(result: Score | Fault, model: Model, text: str) -> FurtherTone:
    """Return what a further model says of a text, or why it says nothing."""
    if isinstance(result, Fault):
        return no_further_tone(model, "poison")
    if why := reason(result, text):
        return no_further_tone(model, why)
    return FurtherTone(result.tone, *_shown(result), model, truncated=result.truncated)


def no_further_tone(model: Model, reason: str) -> FurtherTone:
    """Return why a further model says nothing of a text."""
    return FurtherTone(NO_TONE, 0.0, {}, model, reason=reason)


def _shown(score: Score) -> tuple[float, dict[str, float]]:
    """Return the highest probability, and each, in as many digits as an event has."""
    scores = {name: round(value, SCORE_DIGITS) for name, value in score.scores.items()}
    return max(scores.values(), default=0.0), scores


def tone_event(  # noqa: PLR0913 - each is a part of the event
    delivery: Delivery, text: Text, identity: str,
    *, score: Score, model: Model, cached: bool, language: tuple[str, float],
    include_text: bool = False, doubt: Doubt = SURE, tones: dict[str, FurtherTone] | None = None,
) -> ToneEvent:  # fmt: skip
    """Return the event that says how a text sounds; `language` is a tag and its confidence."""
    highest, scores = _shown(score)
    return ToneEvent(
        specversion="1.0",
        type=EVENT_TYPE,
        source=f"{SOURCE_PREFIX}{delivery.connector}",
        id=identity,
        subject=text.subject,
        time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        datacontenttype="application/json",
        traceparent=delivery.trace.passed_on(trace_context(delivery, text)),
        data=Label(
            tone=doubt.tone(score),
            score=highest,
            scores=scores,
            model=model,
            tokens=score.tokens,
            truncated=score.truncated or text.cut,
            cached=cached,
            origin=Origin(
                exchange=delivery.exchange,
                routing_key=delivery.routing_key,
                message_id=delivery.message_id,
                correlation_id=delivery.correlation_id,
                index=text.index,
            ),
            carried=text.carried,
            language=language[0],
            language_confidence=language[1],
            reason=reason(score, text.content),
            text=text.content if include_text else None,
            tones=tones or {},
        ),
    )
