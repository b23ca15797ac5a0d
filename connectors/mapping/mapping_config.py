"""How the messages of one connector are read."""

from __future__ import annotations

from typing import Literal

import msgspec

from connectors.mapping.template import expressions_in


class MappingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the messages of one connector are read; the defaults are those of `sentiment.input`.

    Each field is the setting of a connector that has its name: docs/reference/settings.md explains
    it. `strip_html` and its like are the members of `strip`.

    Attributes:
        headers: Names of headers that travel on with every event, and count for its size.
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
