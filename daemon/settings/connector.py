"""The settings of one upstream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from connectors.amqp.topology import source_queue
from connectors.events.doubt import Doubt
from connectors.events.output import OutputConfig
from connectors.mapping import MappingConfig
from daemon.settings.kinds import Name, Prefetch, Share, Short


class ConnectorTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message and what it must become; `tonebus check --tests` runs it.

    Attributes:
        name: What the test promises.
        message: The body: a string as it is, anything else as JSON.
        file: A file with the body, relative to the configuration, in place of `message`.
        content_type: As the publisher sets it; empty sets none.
        headers: AMQP headers.
        message_id: AMQP message id.
        texts: The texts to be scored, in order.
        ids: The source ids of the texts.
        carried: The carried fields.
        language: The language in the event.
        skip: The reason for which the message is skipped: `when`, `no-texts` or `loop`.
        park: The reason code with which the message, or a part of it, is parked.
    """

    name: str
    message: Any = None
    file: str = ""
    content_type: str = ""
    headers: dict[str, str | int | bool] = {}
    message_id: str = ""
    texts: tuple[str, ...] | None = None
    ids: tuple[str, ...] | None = None
    carried: dict[str, Any] | None = None
    language: str | None = None
    skip: str = ""
    park: str = ""


class ConnectorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One upstream: where its messages come from, how they are read, and where events go.

    Attributes:
        name: Part of the events' source and routing key, and of the queue's name.
        exchange: Exchange that the upstream publishes to.
        passive: Whether the exchange belongs to others: it must exist, and is not declared.
        bindings: Routing-key patterns.
        queue: A queue that exists and belongs to others, in place of an exchange. It is only
            consumed from: nothing is declared or bound for it.
        offset: Where to begin in `queue`, which is a stream then, when it is read for the first
            time: `first`, `last` (the messages written last), `next`, a time by ISO 8601, or the
            number of a message. Later the connector goes on where it was.
        priority: Priority of our consumers at the queue: consumers with a lower one get messages
            only while ours are busy.
        prefetch: Deliveries that the connector may hold unsettled; 0 takes `broker.prefetch`.
        model: Name of the model that scores the texts, or several: a text goes to the first that
            reads its language. Empty takes the models `default` and `multilingual`, or the first.
        unsupported: What becomes of a text in a language that none of them reads: `none` gives it
            the tone `none`, `label` has the first one score it, and so does another model's name.
        also: Names of further models that score every text too: the event has what they say in
            `data.tones`, by their names. Its tone and its routing key stay those of `model`.
        shadow: Name of a model that scores the texts too, for a comparison alone; empty for none.
        unsure_below: A text whose most probable tone is less probable than this has the tone
            `unsure`; its event keeps all scores. 0 turns it off.
        unsure_margin: The same where that tone leads the next one by less than this.
        format: `json` also reads CloudEvents and plain text; `cloudevents` reads CloudEvents alone,
            structured or binary; `text` takes the whole body; `mail` reads the body as an e-mail
            (RFC 5322).
        content_types: Content types that are not believed, such as `application/x-yaml`; `*` for
            all.
        content_encodings: Content encodings and charsets that are not believed; the body is read as
            UTF-8.
        document: JMESPath of the part that the settings below look at; a string there is read as
            JSON. Empty takes the whole message. In every expression, `$` is the whole message.
        when: JMESPath of a condition; a message for which it gives null, false or something empty
            is skipped. A message that is no document is parked.
        each: JMESPath of a list. `text`, `template`, `id`, `language` and `carry` then look at one
            element of it; an element without a text gives no event.
        text: JMESPath of the text, or of a list of texts, which gives one event for each: 1,000 at
            most.
        template: Several fields as one text, in place of `text`: JMESPath in braces.
        id: JMESPath of the upstream's own id; a list gives one id for each text.
        message_id: JMESPath of the message's own id, where `id` is that of a single text.
        time: JMESPath of the time at which the text was written, for `tonebus_message_age_seconds`:
            seconds, milliseconds or ISO 8601. Empty takes the CloudEvent's `time`, or the AMQP
            timestamp.
        language: JMESPath of the text's language, which the event has as `data.language`.
        carry: Fields that the event keeps as `data.carried`: name → JMESPath; 8 KiB in all.
        strip: What to remove from a text: `html` keeps the text of HTML; `quotes` and `signature`
            remove those of an e-mail.
        output: How the events are published.
        tests: Messages and what they must become.
    """

    name: Name = "input"
    exchange: Short = "sentiment.input"
    passive: bool = False
    bindings: Annotated[tuple[Annotated[str, Meta(max_length=255)], ...], Meta(min_length=1)] = (
        "#",
    )
    queue: Annotated[str, Meta(max_length=255)] = ""
    offset: Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[str, Meta(max_length=64)] = ""
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    prefetch: Prefetch = 0
    model: str | tuple[str, ...] = ()
    unsupported: str = "none"
    also: Annotated[tuple[str, ...], Meta(max_length=8)] = ()
    shadow: str = ""
    unsure_below: Share = 0.0
    unsure_margin: Share = 0.0
    format: Literal["json", "cloudevents", "text", "mail"] = "json"
    content_types: tuple[Short, ...] = ()
    content_encodings: tuple[Short, ...] = ()
    document: str = ""
    when: str = ""
    each: str = ""
    text: str = "text"
    template: str = ""
    id: str = "id"
    message_id: str = ""
    time: str = ""
    language: str = ""
    carry: dict[Short, str] = {}
    strip: tuple[Literal["html", "quotes", "signature"], ...] = ()
    output: OutputConfig = OutputConfig()
    tests: tuple[ConnectorTest, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        return (self.model,) if isinstance(self.model, str) else self.model

    @property
    def source_queue(self) -> str:
        """The queue that is consumed from: beside a stream, one of its own that takes replays."""
        own = source_queue(self.name)
        return own if self.offset != "" else self.queue or own

    def mapping_config(self) -> MappingConfig:
        given: dict[str, Any] = {
            name: getattr(self, name)
            for name in MappingConfig.__struct_fields__
            if name in self.__struct_fields__
        }
        given |= {f"strip_{name}": True for name in self.strip}
        return MappingConfig(**given, headers=self.output.headers)

    @property
    def doubt(self) -> Doubt:
        return Doubt(self.unsure_below, self.unsure_margin)
