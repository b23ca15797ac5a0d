"""How the messages of one connector are read."""

from __future__ import annotations

from typing import Literal

import msgspec


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How the messages of one connector are read; the defaults are those of `sentiment.input`.

    Attributes:
        format: `json` also reads CloudEvents and plain text, `cloudevents` nothing else, and
            `text` takes the whole body.
        text: JMESPath of the text, or of a list of texts.
        id: JMESPath of the upstream's own id; a list gives one for each text.
        language: JMESPath of the text's language; empty where none is passed on.
        when: JMESPath that must hold, or the message is skipped; empty takes every message.
        carry: By the name that it gets, the JMESPath of a field that travels on.
        strip_html: Whether to take the text out of HTML.
        strip_quotes: Whether to leave out what an e-mail quotes.
        strip_signature: Whether to leave out an e-mail's signature and disclaimer.
    """

    format: Literal["json", "cloudevents", "text"] = "json"
    text: str = "text"
    id: str = "id"
    language: str = ""
    when: str = ""
    carry: dict[str, str] = {}
    strip_html: bool = False
    strip_quotes: bool = False
    strip_signature: bool = False

    def expressions(self) -> dict[str, str]:
        """Return every JMESPath expression that is set, by the setting it stands in."""
        own = {"text": self.text, "id": self.id, "language": self.language, "when": self.when}
        carried = {f"carry.{name}": value for name, value in self.carry.items()}
        return {name: value for name, value in (own | carried).items() if value}
