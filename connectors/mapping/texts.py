"""A text as it is scored: cleaned, put together of its fields, and cut to its bound."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from connectors.errors import BadInput
from connectors.mapping.bounds import too_costly
from connectors.mapping.mail import STEPS_OF_CLEANING, Cleaned, clean
from connectors.mapping.template import Template
from connectors.messages import Text
from connectors.text import without_surrogates

if TYPE_CHECKING:
    from connectors.mapping.bounds import Work
    from connectors.mapping.finding import Found
    from connectors.mapping.mapping_config import MappingConfig

_NOTHING: dict[str, int] = {}


class TextReader:
    """Reads the texts of one connector."""

    def __init__(self, config: MappingConfig, work: Work, max_chars: int) -> None:
        """Clean by the config, charged to `work`, and cut a text longer than `max_chars`."""
        self._config = config
        self._work = work
        self._max_chars = max_chars
        self._template = Template(config.template) if config.template else None
        self._cleans = config.strip_html or config.strip_quotes or config.strip_signature

    def read(self, found: Found, index: int) -> Text:
        """Return a text; `index` is its position in the message.

        Raises:
            BadInput: There is no text.
        """
        value, known, beside, most = found.value, found.known, found.carried, self._max_chars
        if isinstance(value, str) and not self._cleans:
            text, cut, removed = without_surrogates(value[:most]), len(value) > most, _NOTHING
        else:
            cleaned = self._cleaned(value)
            text, removed = cleaned.text[:most], cleaned.removed
            cut = cleaned.cut or len(cleaned.text) > most
        # by position: this runs for every text, and names cost a third of it
        return Text(
            text,
            cut,
            known.key,
            index,
            beside.fields,
            beside.language,
            found.traceparent,
            removed,
            known.shown,
            beside.written,
        )

    def _cleaned(self, value: object) -> Cleaned:
        if isinstance(value, str):
            self._work.spend_on(len(value))
            text = without_surrogates(value)
            return self._clean(text) if self._cleans else Cleaned(text, _NOTHING)
        if isinstance(value, BadInput):
            raise value
        if isinstance(value, tuple) and self._template is not None:
            return self._filled(self._template, value)
        if value is None:
            raise BadInput("no-text-field", f"nothing at `{self._config.text}`")
        raise BadInput("text-type", f"text is {type(value).__name__}, not a string")

    def _filled(self, template: Template, values: tuple[object, ...]) -> Cleaned:
        parts = [self._cleaned("" if each is None else _worded(each)) for each in values]
        text = template.fill([part.text for part in parts])
        removed = sum((Counter(part.removed) for part in parts), Counter[str]())
        return Cleaned(text, dict(removed), cut=any(part.cut for part in parts))

    def _clean(self, text: str) -> Cleaned:
        """Clean a text with the steps that are left.

        Raises:
            BadInput: Other texts of the message took the steps that this one would have needed; a
                replay of this one alone has them.
        """
        work = self._work
        budget = work.left // STEPS_OF_CLEANING
        if budget <= 0:
            raise too_costly()
        cleaned = clean(
            text,
            quotes=self._config.strip_quotes,
            signature=self._config.strip_signature,
            budget=budget,
        )
        work.left -= cleaned.steps * STEPS_OF_CLEANING
        first, work.of_texts = not work.of_texts, work.of_texts + cleaned.steps
        if cleaned.cut and not first:
            raise too_costly()
        return cleaned


def _worded(value: object) -> object:
    """Return a number as it is written; anything else as it is."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if plain else value
