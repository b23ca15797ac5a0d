"""The settings of one upstream."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from connectors.amqp.topology import RESULTS, source_queue
from connectors.events.doubt import Doubt
from connectors.events.output import REPLY_QUEUES, ROUTING_KEY, OutputConfig
from connectors.mapping import MappingConfig
from daemon.settings.kinds import Name, Share, Short


class OutputSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the events of a connector leave.

    Attributes:
        exchange: Topic exchange that they are published to.
        routing_key: Template with `{connector}`, `{tone}`, `{language}`, `{model}` and
            `{routing_key}`, the source message's own.
        mode: `structured` puts the whole CloudEvent into the body; `binary` only its data, with
            the attributes in `ce-` headers.
        include_text: Whether the event carries the text that was scored.
        headers: Names of source headers to carry over.
        reply: Whether a message's `reply_to` gets an answer beside the event.
        reply_queues: Patterns of the queues that may be answered: by default those of direct
            reply-to and those that RabbitMQ named, since a publisher could name any queue.
    """

    exchange: Short = RESULTS
    routing_key: Short = ROUTING_KEY
    mode: Literal["structured", "binary"] = "structured"
    include_text: bool = False
    headers: tuple[Short, ...] = ()
    reply: bool = False
    reply_queues: tuple[Short, ...] = REPLY_QUEUES


class ConnectorTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A message and what is to become of it; `tonebus check --tests` holds the mapping to it.

    Attributes:
        name: What the test promises.
        message: The body: a string as it is, anything else as JSON.
        file: A file with the body, beside the configuration, in place of `message`.
        content_type: As the publisher sets it; empty sets none.
        headers: AMQP headers.
        message_id: AMQP message id.
        texts: The texts to be scored, in order.
        ids: Their source ids.
        carried: The fields that travel on.
        language: The language that travels on.
        skip: The reason for which it is skipped: `when`, `no-texts` or `loop`.
        park: The reason code with which it, or a part of it, is parked.
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
    """One upstream: where its messages come from, how they are read, how their events leave.

    Attributes:
        name: Part of the event's source and routing key.
        exchange: Exchange that the upstream publishes to.
        passive: Whether the exchange belongs to others: it must be there, and is not declared.
        bindings: Routing-key patterns.
        queue: A queue that exists and belongs to others, in place of an exchange: it is only
            consumed from; nothing is declared or bound for it. No stream.
        priority: Of our consumers at the queue: those of others with a lower one get messages only
            while ours are busy.
        prefetch: Deliveries that it may hold unsettled; 0 takes `broker.prefetch`.
        model: Name of the model that scores it.
        shadow: Name of a model that scores it too, only to be compared; empty for none.
        unsure_below: A text whose most probable tone has less than this probability has the tone
            `unsure`; its event keeps all scores. 0 asks for nothing.
        unsure_margin: Likewise where that tone leads the next one by less than this.
        format: `json` also reads CloudEvents and plain text, `cloudevents` nothing else,
            `text` takes the whole body, and `mail` reads it as an e-mail (RFC 5322).
        content_types: Content types that say nothing of the body; `*` for all of them.
        content_encodings: Likewise content encodings and charsets; the body is UTF-8 all the same.
        document: JMESPath of the part that the settings below look at, such as JSON in a string;
            empty for the whole message. In every expression, `$` is the whole message.
        when: JMESPath that must hold; other messages are skipped.
        each: JMESPath of a list; `text`, `template`, `id`, `language` and `carry` then look at one
            element of it, and an element without a text gives no event.
        text: JMESPath of the text; a list gives one event for each element.
        template: In place of `text`, several fields as one text: JMESPath in braces.
        id: JMESPath of the upstream's own id; a list gives one for each text.
        message_id: JMESPath of the message's own id, where `id` is that of a single text.
        time: JMESPath of when it was written; empty takes what the CloudEvent or AMQP says.
        language: JMESPath of the text's language, to be passed on.
        carry: Fields that travel on: by the name that each gets, its JMESPath.
        strip: What to take out of a text: `html`, and from e-mails `quotes` and `signature`.
        output: How its events leave.
        tests: Messages and what is to become of them.
    """

    name: Name = "input"
    exchange: Short = "sentiment.input"
    passive: bool = False
    bindings: Annotated[tuple[Annotated[str, Meta(max_length=255)], ...], Meta(min_length=1)] = (
        "#",
    )
    queue: Annotated[str, Meta(max_length=255)] = ""
    priority: Annotated[int, Meta(ge=-1000, le=1000)] = 0
    prefetch: Annotated[int, Meta(ge=0, le=65535)] = 0
    model: str = "default"
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
    output: OutputSettings = field(default_factory=OutputSettings)
    tests: tuple[ConnectorTest, ...] = ()

    @property
    def source_queue(self) -> str:
        """The queue that is consumed from."""
        return self.queue or source_queue(self.name)

    def mapping_config(self) -> MappingConfig:
        """How its messages are read."""
        return MappingConfig(
            format=self.format,
            content_types=tuple(each.lower() for each in self.content_types),
            content_encodings=tuple(each.lower() for each in self.content_encodings),
            document=self.document,
            when=self.when,
            each=self.each,
            text=self.text,
            template=self.template,
            id=self.id,
            message_id=self.message_id,
            time=self.time,
            language=self.language,
            carry=dict(self.carry),
            headers=self.output.headers,
            strip_html="html" in self.strip,
            strip_quotes="quotes" in self.strip,
            strip_signature="signature" in self.strip,
        )

    def output_config(self) -> OutputConfig:
        """How its events leave."""
        doubt = Doubt(self.unsure_below, self.unsure_margin)
        return OutputConfig(**msgspec.structs.asdict(self.output), doubt=doubt)
