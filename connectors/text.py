"""What texts are made of: whether an encoder takes one, whether there is anything in it."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def without_surrogates(text: str) -> str:
    """Join halves of pairs and replace lone ones: JSON and AMQP can bring them, UTF-8 cannot."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def clamped(text: str, max_chars: int) -> tuple[str, bool]:
    """Return what can be scored of a text, and whether more of it was there."""
    return without_surrogates(text[:max_chars]), len(text) > max_chars


def framed(*parts: str) -> bytes:
    """Put strings together so that no two lists of them read alike.

    Each follows its length, which no part can imitate. Lone surrogates stay apart as well.
    """
    return "".join([f"{len(part)}:{part}" for part in parts]).encode("utf-8", "surrogatepass")


def listed(things: Sequence[object], at_most: int) -> str:
    """Name the first of some things, and say how many more there are."""
    more = len(things) - at_most
    return ", ".join(map(str, things[:at_most])) + (f" and {more} more" if more > 0 else "")


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text but spaces, controls and zero-width characters."""
    return all(unicodedata.category(each) in {"Cc", "Cf", "Zs", "Zl", "Zp"} for each in text)
