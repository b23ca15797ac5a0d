"""Quotes as Jira's wiki markup has them: between two `{quote}`, on lines of their own or not."""

from __future__ import annotations

_QUOTE = "{quote}"


def with_marks(text: str) -> str:
    """Return a text with `>` before each quoted line; as it is where a quote does not end."""
    parts = text.split(_QUOTE)
    if len(parts) % 2 == 0:
        return text
    parts[1::2] = ["\n> " + each.strip().replace("\n", "\n> ") + "\n" for each in parts[1::2]]
    return "".join(parts)
