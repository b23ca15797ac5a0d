"""A mail as lines, each with how deeply it is quoted."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

MAX_PATTERN = 300
"""Characters of the longest line that patterns are tried on; lines of programs are shorter."""

_MARKERS = re.compile(r"[ \t]?(?:>[ \t]?)++")
_FACE = re.compile(r">(?:[:;=8][-'^o]?[()\[\]{}|/\\DOPSoxX]|[_.wo]<)")
_GROUPWISE = re.compile(r">>>\s(?=[^\d\n]*\d)[^<>]++(?:<[^<>]++>[^<>]*+)?>>>")
_MBOX = re.compile(r">From (?=.*[^>])")
_INVISIBLE = re.compile("[\\s\u00ad\u034f\u061c\u180e\u200b-\u200f\u2060-\u2064\ufeff]*")
_BREAKS = re.compile("\r\n?|[\u2028\u2029]")
_FENCE = ("```", "~~~")
_ENDS = " \t\n\r\x0b\x0c\xa0\u200b\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff"
"""Invisible at the end of a line; marks of direction stand there in Hebrew and Arabic."""
_GAPS = re.compile(r"\n{3,}")


class Mark(Enum):
    """What a mail program says of a line."""

    NONE = auto()
    SIGNATURE = auto()
    """It belongs to a signature."""
    DELIMITER = auto()
    """It is `-- `, which RFC 3676, section 4.3, puts above a signature."""
    BOUNDARY = auto()
    """The mail that is replied to, or forwarded, begins here."""
    QUOTE = auto()
    """It is quoted for certain."""
    RULE = auto()
    """A line is drawn here."""


class Line(NamedTuple):
    """One line.

    Attributes:
        text: Without marks of quotation, and without spaces at its end.
        depth: How deeply it is quoted; 0 is what the writer wrote.
        mark: What the mail program says of it.
        raw: With its marks of quotation.
    """

    text: str
    depth: int = 0
    mark: Mark = Mark.NONE
    raw: str = ""

    @property
    def blank(self) -> bool:
        """Whether a reader sees nothing of it."""
        return not self.text


def line(raw: str, depth: int = 0, mark: Mark = Mark.NONE) -> Line:
    """Read a line and its marks of quotation, which are added to the known depth."""
    text = raw.rstrip(_ENDS)
    if not text or _INVISIBLE.fullmatch(text):
        return Line("", depth, mark, "")
    if mark is Mark.NONE and raw.startswith("-- ") and text == "--":
        mark = Mark.DELIMITER
    if text[:2].lstrip()[:1] != ">" or _FACE.match(text):
        return Line(text, depth, mark, text)
    if text.startswith(">>>") and text.endswith(">>>") and len(text) <= MAX_PATTERN:
        return Line(text, depth, Mark.BOUNDARY if _GROUPWISE.fullmatch(text) else mark, text)
    if text.startswith(">>") and text.endswith("<<"):
        return Line(text, depth, mark, text)
    markers = _MARKERS.match(text)
    if markers is None or _MBOX.match(text):
        return Line(text[1:] if markers else text, depth, mark, text)
    rest = text[markers.end() :]
    return Line(rest, depth + markers[0].count(">"), mark, text)


def plain_lines(text: str, budget: int) -> tuple[list[Line], bool]:
    """Return the lines of a plain text, and whether the budget ended before it did.

    Within a fence, as Markdown puts around code, nothing is a quote or a delimiter.
    """
    found = _BREAKS.sub("\n", text).split("\n", max(0, budget))
    cut = len(found) > budget
    found = found[:budget]
    lines = [line(each) for each in found]
    opened = -1
    for at, each in enumerate(found):
        if each.startswith(_FENCE):
            if opened >= 0:
                shown = (raw.rstrip(_ENDS) for raw in found[opened + 1 : at])
                lines[opened + 1 : at] = [Line(raw, raw=raw) for raw in shown]
            opened = at if opened < 0 else -1
    return lines, cut


def joined(lines: list[Line]) -> str:
    """Return lines as one text, with no more than one blank line between two others."""
    text = "\n".join(each.raw if each.depth else each.text for each in lines)
    return _GAPS.sub("\n\n", text).strip()


def size(lines: list[Line]) -> int:
    return sum(len(each.text) for each in lines)


def strip_blank(lines: list[Line]) -> list[Line]:
    """Return lines without blank ones at either end."""
    first, last = 0, len(lines)
    while first < last and lines[first].blank:
        first += 1
    while last > first and lines[last - 1].blank:
        last -= 1
    return lines[first:last]
