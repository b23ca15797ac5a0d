"""Which parts of a mail its writer wrote, and which are quotes."""

from __future__ import annotations

import re
from typing import NamedTuple

from connectors.mapping.mail.boundaries import Boundary, Kind, boundary_at
from connectors.mapping.mail.lines import Line, Mark, size, strip_blank
from connectors.mapping.mail.signatures import is_note

_MAX_FORWARDS = 5
"""Forwards within forwards that are opened; the content of the last is taken as it is."""
_BLANK = Line("")
_AMOUNT = re.compile(r"[\d$\u20ac\u00a3]")
_DRAWN = " -_=*~#\u2013\u2014"
_NEAR = 8
"""A forward must be announced within so many lines of a quote."""


class Split(NamedTuple):
    """A mail, divided.

    Attributes:
        own: What the writer wrote.
        certain: Whether the rest is quoted for certain: then there may be nothing else.
        copy: The mail that is replied to, or forwarded, beneath; None where there is none.
    """

    own: list[Line]
    certain: bool
    copy: list[Line] | None = None


def newest(lines: list[Line]) -> Split:
    """Return what the writer of a mail wrote.

    Where the writer added nothing to a mail below, that mail is the text. Where nothing would
    remain, and the quotes are not certain to be quotes, everything remains.
    """
    for _ in range(_MAX_FORWARDS):
        found = _split(lines)
        if size(found.own) == size(lines) or not is_note(found.own):
            return found
        copy = found.copy or _forwarded(lines)
        if not (copy and any(each.text for each in copy)):
            return found if found.certain or found.own else Split(lines, certain=False)
        lines = copy
    return Split(lines, certain=False)


def first_quote(lines: list[Line]) -> int:
    """Return where the first quote begins, or what introduces it; else the end."""
    for at, line in enumerate(lines):
        if line.depth and not _compares(lines, at):
            return at
        if found := boundary_at(lines, at):
            return found.first
    return len(lines)


def _split(lines: list[Line]) -> Split:
    """Divide a mail into what its writer wrote and what they quote.

    Quoted lines are quotes, wherever they stand, and so are the words that introduce them. A whole
    mail beneath, by its separator or head, ends what the writer wrote.
    """
    own: list[Line] = []
    certain = False
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.depth and _compares(lines, at):
            own.append(line)
        elif line.depth and line.mark is not Mark.BOUNDARY:
            certain |= line.mark is Mark.QUOTE
            if own and own[-1].text:
                own.append(_BLANK)
        elif found := boundary_at(lines, at):
            if found.first < at:
                del own[found.first - at :]
            if found.before:
                own.append(Line(found.before))
            if found.kind is not Kind.ATTRIBUTION:
                certain |= found.kind is Kind.COPY
                return Split(_without_rule(own), certain, _beneath(lines, found))
            certain = True
            at = found.end
            continue
        else:
            own.append(line)
        at += 1
    return Split(strip_blank(own), certain)


def _compares(lines: list[Line], at: int) -> bool:
    """Whether a line begins with `>` within a sentence, as in `> 30 days`."""
    line = lines[at]
    if line.depth != 1 or line.mark is not Mark.NONE or not _AMOUNT.match(line.text) or not at:
        return False
    above, below = lines[at - 1], lines[at + 1] if at + 1 < len(lines) else _BLANK
    return bool(above.text) and not (above.depth or below.depth or above.text.endswith(":"))


def _forwarded(lines: list[Line]) -> list[Line] | None:
    """Return the mail that was forwarded within a quote; None where there is none."""
    first = next((at for at, each in enumerate(lines) if each.depth and each.text), len(lines))
    inside = _lifted(lines[first:], lines[first].depth) if first < len(lines) else []
    for at in range(min(_NEAR, len(inside))):
        found = None if inside[at].depth else boundary_at(inside, at)
        if found:
            return _beneath(inside, found) if found.kind is Kind.COPY else None
    return None


def _beneath(lines: list[Line], boundary: Boundary) -> list[Line]:
    first, *rest = lines[boundary.end :] or [_BLANK]
    return _lifted([first._replace(mark=Mark.NONE), *rest], boundary.depth)


def _lifted(lines: list[Line], depth: int) -> list[Line]:
    """Return lines with the depth that they had in the mail that was quoted so deeply."""
    if not depth:
        return lines
    return [each._replace(depth=max(0, each.depth - depth)) for each in lines]


def _without_rule(lines: list[Line]) -> list[Line]:
    """Leave out the line that a program drew above the mail beneath."""
    lines = strip_blank(lines)
    while lines and not lines[-1].text.strip(_DRAWN):
        lines = strip_blank(lines[:-1])
    return lines
