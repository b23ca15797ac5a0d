"""The words that introduce a quote, such as "On Monday, Ann wrote:"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors.mapping.mail.lines import MAX_PATTERN, Line
from connectors.mapping.mail.words import OPENERS, WROTE, WROTE_UNSPACED, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_LINES = 4
_FEW_WORDS = 8
_ENOUGH = 3
"""So many of a verb, a date, a time and an address make an attribution."""

_COLONS = (":", "\uff1a")
_DASHES = ("----", "____", "====")
_ADDRESS = re.compile(r"(?<=[^\s<>@()\[\]])@[^\s<>@()\[\]]")
_CLOCK = re.compile(r"(?<!\d)\d{1,2}\s?[:.hu時时点點시]\s?\d{2}(?!\d)")
_DATE = re.compile(r"(?<!\d)(?:(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})(?!\d)")
_LIKE_A_BEGINNING = re.compile(r"[\s*_\-]*(?:[^\W\d]+[.,\u060c]{0,2}\s+){0,4}\(?\d|[\"“'«]")
_ENDS_SENTENCE = re.compile(r"[.!?…:;。\uff01\uff1f]\s*$")
_WORD = re.compile(r"[^\W\d_]+(?:\([^\W\d_]{1,3}\))?")
_BEGINS_INSIDE = re.compile(
    rf"[\s-](?:{'|'.join(OPENERS)})\s(?:[^\W\d_]+[.,]{{0,2}}\s){{0,3}}\(?\d"
)
_BRACKETED = re.compile(r"[<(\[][^\s<>()\[\]@]*+@|@[^\s<>()\[\]@]++[>)\]]")
_INITIALS = re.compile(r"[ \t]{0,4}([^\W\d_]{1,4})(>+)[ \t]?")
_PERSONAL = re.compile(
    r"(?<![\w@.<-])(?:i|we|you|your|me|my|us|our|ich|wir|ihr|ihre|sie|mir|mich|uns|mein\w{0,2}|unser\w{0,2}"
    r"|nous|vous|votre|notre|moi|me|mon|yo|usted|mi|nos|io|ik|wij|uw|mij|ons|jag|jeg|mig|meg|você"
    r"|pan|pani|mnie|mi|nam|я|мы|вы|ваш|мне|меня|нам|нас|ми|ви|мені)(?![\w@.-])",
    re.IGNORECASE,
)
"""With one of these a sentence is a report, no attribution: "On Monday at 10:15 you wrote:"."""


def has_address(text: str) -> bool:
    return _ADDRESS.search(text) is not None


def has_time(text: str) -> bool:
    return _CLOCK.search(text) is not None


def is_full_time(text: str) -> bool:
    """Whether a date with its year, and a time of day, stand in a text."""
    return has_time(text) and _DATE.search(text) is not None


def marked_by_initials(lines: list[Line]) -> list[Line]:
    """Read the marks of The Bat!, which quotes with the initials of a writer, as in `SU> Yes`.

    These count beneath an attribution with a date and a time, as it writes one, and wherever they
    come again. Elsewhere they may be anything.
    """
    known: set[str] = set()
    found = list(lines)
    above = 0
    for at, each in enumerate(lines):
        if each.blank:
            continue
        marks = None if each.depth or ">" not in each.text[:10] else _INITIALS.match(each.text)
        if marks and marks[1].isupper():
            if (
                marks[1] not in known
                and _is_dated(lines[above].text)
                and attribution_that_ends(lines, above, quoted=True) is not None
            ):
                known.add(marks[1])
            if marks[1] in known:
                found[at] = Line(each.text[marks.end() :], len(marks[2]), each.mark, each.raw)
        above = at
    return found


def attribution_that_ends(lines: Sequence[Line], at: int, *, quoted: bool) -> int | None:
    """Return the first line of the attribution that ends at a line; None where none does.

    Where quoted lines follow, less evidence is needed.
    """
    text = lines[at].text
    if text.startswith(_DASHES) and text.endswith(_DASHES):
        return at if _wrote(text) else None
    if not (text.endswith(_COLONS) or quoted):
        return None
    if not (quoted or _BRACKETED.search(text) or (at + 1 < len(lines) and lines[at + 1].blank)):
        return None
    best = at if _attributes(text, quoted=quoted) else None
    if best is not None and (_LIKE_A_BEGINNING.match(text) or words_before(text)):
        return best
    whole = text
    for first in range(at - 1, max(-1, at - _MAX_LINES), -1):
        above = lines[first]
        if above.blank or above.depth != lines[at].depth or _ENDS_SENTENCE.search(above.text[-8:]):
            break
        whole = f"{above.text} {whole}"
        if len(whole) > MAX_PATTERN:
            break
        if _LIKE_A_BEGINNING.match(above.text) and _attributes(whole, quoted=quoted):
            best = first
    return best


def _is_dated(text: str) -> bool:
    return text.endswith(_COLONS) and len(text) <= MAX_PATTERN and is_full_time(text)


def words_before(text: str) -> str:
    """Return what its writer wrote on the line on which an attribution begins."""
    begins = [found.start() for found in _BEGINS_INSIDE.finditer(text)]
    return text[: begins[-1]].rstrip(" \t-_") if begins else ""


def _attributes(text: str, *, quoted: bool) -> bool:
    """Whether words are an attribution: a verb, a date, a time, an address, or enough of these."""
    ends = text.endswith(_COLONS)
    wrote = _wrote(text)
    address = has_address(text)
    clock = has_time(text)
    date = _DATE.search(text) is not None
    if not quoted:
        bracketed = _BRACKETED.search(text) is not None
        enough = wrote + date + clock + bracketed >= _ENOUGH
        return ends and enough and (clock or bracketed) and not _PERSONAL.search(text)
    words = text.split()
    if not (ends or text.endswith(">") or _wrote(words[-1])):
        return False
    dated = clock or date
    return (wrote and (dated or address or len(words) <= _FEW_WORDS)) or (dated and address)


def _wrote(text: str) -> bool:
    lowered = folded(text)
    return not WROTE.isdisjoint(_WORD.findall(lowered)) or any(
        verb in lowered for verb in WROTE_UNSPACED
    )
