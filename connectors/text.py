"""Text that every encoder takes."""

from __future__ import annotations


def without_surrogates(text: str) -> str:
    """Join halves of pairs and replace lone ones: JSON and AMQP can bring them, UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
