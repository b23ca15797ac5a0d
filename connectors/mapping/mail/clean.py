"""A text, without what its writer did not write."""

from __future__ import annotations

import msgspec

from connectors.mapping.cleaning import is_blank, strip_html, strip_reply

MAX_STEPS = 20_000
"""Tags and lines that are read of all texts of one message; some 0.1 s of work."""


class Cleaned(msgspec.Struct, frozen=True):
    """What is left of a text.

    Attributes:
        text: To be scored.
        removed: Characters taken out, by what they were: `quote`, `signature`, `disclaimer`,
            `hidden` or `markup` (a text with nothing but markup in it).
        cut: Whether the budget ended before the text did.
        steps: Budget used.
    """

    text: str
    removed: dict[str, int] = {}
    cut: bool = False
    steps: int = 0


def clean(text: str, *, quotes: bool, signature: bool, budget: int = MAX_STEPS) -> Cleaned:
    """Return what the writer of a text wrote. Raises nothing.

    HTML becomes the text that a reader sees. Whether a text is HTML is decided by what it is.

    Args:
        text: An e-mail, or anything else that people write.
        quotes: Whether to leave out what it quotes.
        signature: Whether to leave out its signature and disclaimer.
        budget: Steps that may be used; what lies beyond is cut.
    """
    kept = strip_html(text, quotes=quotes)
    if quotes or signature:
        kept = strip_reply(kept, quotes=quotes, signature=signature)
    gone = len(text) - len(kept) if is_blank(kept) and not is_blank(text) else 0
    return Cleaned(kept, {"markup": gone} if gone else {}, steps=min(budget, 1))
