"""How the messages of one connector are read."""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.mapping.template import expressions_in


class MappingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the messages of one connector are read; the defaults are those of `sentiment.input`.

    Every expression is JMESPath, in which `$` is the whole message.

    Attributes:
        format: `json` also reads CloudEvents and plain text, `cloudevents` nothing else,
            `text` takes the whole body, and `mail` reads it as an e-mail (RFC 5322).
        content_types: Content types that say nothing of a body; `*` for all.
        content_encodings: Likewise content encodings and charsets.
        document: The part of a message that the other expressions look at; a string there is read
            as JSON. Empty takes the whole message.
        when: What must hold, or the message is skipped; empty takes every message.
        each: A list; `text`, `id`, `language` and `carry` then look at one element of it, and an
            element without a text is left out. Empty for none.
        text: The text, or a list of texts.
        template: In place of `text`, a text with expressions in braces.
        id: The upstream's own id; a list gives one for each text.
        message_id: The id of the message as a whole, where `id` is that of a text.
        time: When it was written; empty takes that of the CloudEvent, or the AMQP timestamp.
        language: The text's language; empty where none is passed on.
        carry: By the name that it gets, a field that travels on.
        headers: Names of headers that travel on with every event, and count for that.
        strip_html: Whether to take the text out of HTML.
        strip_quotes: Whether to leave out what an e-mail quotes.
        strip_signature: Whether to leave out an e-mail's signature and disclaimer.
    """

    format: Literal["json", "cloudevents", "text", "mail"] = "json"
    content_types: tuple[str, ...] = ()
    content_encodings: tuple[str, ...] = ()
    document: str = ""
    when: str = ""
    each: str = ""
    text: str = "text"
    template: str = ""
    id: str = "id"
    message_id: str = ""
    time: str = ""
    language: str = ""
    carry: dict[str, str] = {}
    headers: tuple[str, ...] = ()
    strip_html: bool = False
    strip_quotes: bool = False
    strip_signature: bool = False

    def expressions(self) -> dict[str, str]:
        """Return every JMESPath expression that is set, by the setting it stands in."""
        own = {
            name: getattr(self, name)
            for name in (
                "document", "when", "each", "text", "id", "message_id", "time", "language",
            )
        }  # fmt: skip
        parts = {f"template.{each}": each for each in expressions_in(self.template)}
        carried = {f"carry.{name}": value for name, value in self.carry.items()}
        return {name: value for name, value in (own | parts | carried).items() if value}
