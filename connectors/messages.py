"""The words on the wire: a text goes in, a score comes back, a tone event goes out."""

from __future__ import annotations

from typing import Any

import msgspec

EVENT_TYPE = "sentiment.labelled.v1"
SOURCE_PREFIX = "/tonebus/"
NO_TONE = "none"
"""The tone of a text in which there is nothing to score."""


class Text(msgspec.Struct, frozen=True):
    """One text to score, as the mapping found it in a message.

    Attributes:
        content: Without byte order mark or lone surrogates, and not longer than the bound.
        cut: Whether it was longer.
        source_id: What it is known by when it comes again: the message's own identity and, where
            it has one, the text's id; None where nothing names the message.
        index: Position among the texts of one message.
        carried: Fields of the message that travel on to the event.
        language: As the message has it, such as `en`; None where it names none.
        traceparent: W3C trace context of a CloudEvent.
        removed: Characters that the cleaning took out, by what they were, such as `quote`.
        subject: The upstream's own id of the text, else of the message, as it is shown.
        written: Seconds since 1970 when it was written, where the document says so.
    """

    content: str = msgspec.field(name="text")
    cut: bool = False
    source_id: str | None = None
    index: int = 0
    carried: dict[str, Any] = {}
    language: str | None = None
    traceparent: str | None = None
    removed: dict[str, int] = {}
    subject: str | None = None
    written: float | None = None


class Score(msgspec.Struct, frozen=True):
    """What the model says of one text.

    Attributes:
        scores: Probability of each canonical tone, in [0, 1].
        tokens: Tokens that the model read.
        truncated: Whether the text was longer than the model could take.
    """

    scores: dict[str, float]
    tokens: int
    truncated: bool = False

    @property
    def tone(self) -> str:
        """The most probable tone."""
        return max(self.scores, key=self.scores.__getitem__, default=NO_TONE)


class Fault(msgspec.Struct, frozen=True):
    """Why one text of a batch, or a whole batch, could not be scored.

    Attributes:
        code: `error`, `not-finite` or `out-of-memory` from a worker. Where a request came to
            nothing, the daemon says `worker-lost`, `timeout`, `unreadable` or `not-taken-up`.
        detail: The error's class name; never its message, which may quote the text.
    """

    code: str
    detail: str = ""


class Model(msgspec.Struct, frozen=True):
    """Which model made a score: part of every event and of every cache key.

    Attributes:
        name: The model's own name.
        revision: Digest of its files and settings, or the commit of a hub model.
    """

    name: str
    revision: str


class Origin(msgspec.Struct, frozen=True):
    """Where the text came from.

    Attributes:
        exchange: Exchange that the message was published to.
        routing_key: The message's own routing key.
        message_id: The message's AMQP message id.
        correlation_id: The message's AMQP correlation id.
        index: Position of the text among those of its message.
    """

    exchange: str
    routing_key: str
    message_id: str | None
    correlation_id: str | None
    index: int


class FurtherTone(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a further model of the connector says of the text.

    Attributes:
        tone: The most probable of its labels; `none` where it scored nothing.
        score: The probability of that label.
        scores: Probability of each of its labels.
        model: What scored it, or would have.
        truncated: Whether the text was longer than this model could read.
        reason: Why the tone is `none`: `blank`, `language`, `poison` where the model failed on the
            text, `no-worker` where none runs, or `timeout`.
    """

    tone: str
    score: float
    scores: dict[str, float]
    model: Model
    truncated: bool = False
    reason: str | None = None


class Label(msgspec.Struct, frozen=True, omit_defaults=True):
    """The data of a tone event.

    Attributes:
        tone: The most probable tone; `none` where nothing was scored, `unsure` where the
            connector asks for more than the scores give (`unsure_below`, `unsure_margin`).
        score: The probability of the most probable tone.
        scores: Probability of each tone.
        model: What scored it.
        tokens: Tokens that the model read.
        truncated: Whether the text was longer than could be read.
        cached: Whether an earlier score of the same text served.
        origin: Where the text came from.
        carried: Fields of the message that the connector was told to carry.
        language: BCP 47: as the message names it, else as it was detected; `und` where neither.
        language_confidence: In [0, 1]; 1 where the message names it.
        reason: Why the tone is `none`: `blank`, or `language` where no model here reads it.
        text: What was scored, where the connector was told to include it.
        tones: What each further model of the connector says, by its name in the settings.
    """

    tone: str
    score: float
    scores: dict[str, float]
    model: Model
    tokens: int
    truncated: bool
    cached: bool
    origin: Origin
    carried: dict[str, Any]
    language: str | None = None
    language_confidence: float | None = None
    reason: str | None = None
    text: str | None = None
    tones: dict[str, FurtherTone] = {}


class ToneEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A CloudEvent 1.0 in structured mode: what Tonebus publishes.

    Attributes:
        specversion: The version of CloudEvents.
        type: Name and version of this schema.
        source: `/tonebus/` and the connector's name.
        id: Equal for every publish of the event: deduplicate by it.
        time: When the event was made, in UTC.
        datacontenttype: The media type of `data`.
        data: The tone.
        subject: The source message's own id.
        traceparent: W3C trace context of the source message, or of our span that goes on with it.
    """

    specversion: str
    type: str
    source: str
    id: str
    time: str
    datacontenttype: str
    data: Label
    subject: str | None = None
    traceparent: str | None = None


class OutgoingMessage(msgspec.Struct, frozen=True):
    """A message to publish.

    Attributes:
        properties: AMQP properties, by py-amqp's names.
        mandatory: Whether it must reach a queue.
    """

    exchange: str
    routing_key: str
    body: bytes
    properties: dict[str, Any]
    mandatory: bool = True
