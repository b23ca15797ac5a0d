"""A text without the parts that its writer did not write."""

from __future__ import annotations

import msgspec

from connectors.mapping.mail.attributions import marked_by_initials
from connectors.mapping.mail.html import HtmlText, html_lines
from connectors.mapping.mail.inserts import without_inserts
from connectors.mapping.mail.jira import with_marks
from connectors.mapping.mail.lines import Line, joined, plain_lines, size
from connectors.mapping.mail.quotes import first_quote, newest
from connectors.mapping.mail.signatures import is_thanks, without_signature
from connectors.mapping.mail.slack import without_markup
from connectors.mapping.mail.tokens import has_references, is_html, unescaped
from connectors.text import is_blank

STEPS_OF_CLEANING = 10
"""A tag or a line takes about as long as so many steps of an expression."""


class Cleaned(msgspec.Struct, frozen=True):
    """What is left of a text.

    Attributes:
        text: To be scored.
        removed: Characters taken out, by what they were: `quote`, `signature`, `disclaimer`,
            `hidden` or `markup` (of a text with nothing but markup in it).
        cut: Whether the budget ended before the text did.
        steps: Budget used.
    """

    text: str
    removed: dict[str, int] = {}
    cut: bool = False
    steps: int = 0


def clean(text: str, *, quotes: bool, signature: bool, budget: int = 20_000) -> Cleaned:
    """Return what the writer of a text wrote. Raises nothing.

    HTML and Slack's markup become the text that a reader sees. Whether a text is HTML is decided by
    its content.

    Args:
        text: An e-mail, or anything else that people write.
        quotes: Whether to leave out what it quotes.
        signature: Whether to leave out its signature and disclaimer.
        budget: Steps that may be used; what lies beyond is cut.
    """
    shown = without_markup(text)
    read = _read(with_marks(shown) if quotes and "{quote}" in shown else shown, budget)
    lines = without_inserts(read.lines) if signature else read.lines
    removed: dict[str, int] = {"hidden": read.hidden} if read.hidden else {}
    if gone := size(read.lines) - size(lines):
        removed["signature"] = gone
    certain = False
    if quotes:
        own, certain, _ = newest(marked_by_initials(lines))
        if gone := size(lines) - size(own):
            removed["quote"] = gone
        lines = own
    if signature:
        end = len(lines) if quotes else first_quote(lines)
        may_empty = certain and not is_thanks(lines)
        trimmed = without_signature(lines[:end], may_empty=may_empty)
        lines = [*trimmed.lines, Line(""), *lines[end:]]
        for part, gone in trimmed.removed.items():
            removed[part] = removed.get(part, 0) + gone
    kept = joined(lines)
    if not removed and is_blank(kept) and not is_blank(text):
        removed["markup"] = len(text)
    return Cleaned(kept, removed, read.cut, read.steps)


def _read(text: str, budget: int) -> HtmlText:
    if is_html(text):
        return html_lines(text, budget)
    lines: list[Line]
    lines, cut = plain_lines(unescaped(text) if has_references(text) else text, budget)
    return HtmlText(lines, 0, cut, len(lines))
