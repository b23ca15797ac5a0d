"""Where another mail begins within a mail: by an attribution, a separator or a head.

Only short lines are examined, each with few others, so that the work is linear.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from connectors.mapping.mail.attributions import (
    attribution_that_ends,
    has_address,
    has_time,
    is_full_time,
    words_before,
)
from connectors.mapping.mail.lines import MAX_PATTERN, Line, Mark
from connectors.mapping.mail.words import (
    DATE,
    FORWARDED,
    FROM,
    LABELS,
    ORIGINAL,
    OTHER,
    REPLY_ABOVE,
    SUBJECT,
    folded,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD_LINES = 14
_CONTINUED_LINES = 3
_LOOK_AHEAD = 4
_PROCESSED = "original message processed by"
"""Tobit's David writes this above a mail, without dashes."""
_HELPDESK = ("##", "--", "==", "**", "__")
_RULE_CHARS = 5
_MARKER_DASHES = 4
_HEAD_LABELS = 3
_STRANGE_LABELS = 4
"""Different labels that a head needs where no marker stands above it."""

_DECORATION = " \t-_=*>~:\uff1a.#|\u2010\u2014\u2013\u00a0"
_BOX = re.compile(r"\|-{5,}\+-{5,}>")
_BOXED = re.compile(r"\s{0,4}(?:\||>-{5})")
_MAX_BOX_LINES = 40
"""Lotus Notes draws a box of dashes around the head of the mail that is replied to."""
_RULE = re.compile(r"[\s_=*~\u2014\u2013-]{5,}")
_LABEL = re.compile(r"[\s*_|•]*([^\W\d_][^:\uff1a*]{0,24}?)[\s*_]*[:\uff1a][\s*_]*(.*)")
_INNER_LABEL = re.compile(r"(?<!\S)\*?([^\W\d_]{1,16}):\*?\s")


class Kind(Enum):
    """What begins at a boundary."""

    ATTRIBUTION = auto()
    """Quoted lines follow it, and perhaps others after these."""
    INTRODUCED = auto()
    """An attribution as well, but the whole mail follows, not marked as quoted."""
    COPY = auto()
    """A whole mail follows: it is replied to, or forwarded."""


class Boundary(NamedTuple):
    """A place where another mail begins.

    Attributes:
        first: Number of its first line.
        end: Number of the line after it.
        depth: How deeply what follows is quoted.
        before: What the writer wrote on its first line.
    """

    kind: Kind
    first: int
    end: int
    depth: int
    before: str = ""


def begins_forward(text: str) -> bool:
    """Whether a line says that what follows was forwarded."""
    return _marker(text) in FORWARDED


def is_rule(text: str) -> bool:
    """Whether a line is nothing but a drawn one."""
    return len(text) <= MAX_PATTERN and _RULE.fullmatch(text) is not None


def boundary_at(lines: Sequence[Line], at: int) -> Boundary | None:
    """Return the boundary that begins, or whose attribution ends, at a line.

    An attribution may take several lines; it is found by its last one.
    """
    line = lines[at]
    if line.mark is Mark.BOUNDARY:
        end = at + line.text.startswith(">>>")
        return _copy(lines, at, at, labels=1) or Boundary(Kind.COPY, at, end, line.depth)
    if line.mark is Mark.RULE or (len(line.text) >= _RULE_CHARS and is_rule(line.text)):
        drawn = line.mark is Mark.RULE
        head = _next(lines, at + 1)
        return _copy(lines, at, head, labels=_HEAD_LABELS, evident=True, any_label=drawn)
    if line.blank or len(line.text) > MAX_PATTERN:
        return None
    if marked := _boxed(lines, at) or _marked(lines, at):
        return marked
    below = _next(lines, at + 1)
    quoted = below < len(lines) and lines[below].depth > line.depth
    first = attribution_that_ends(lines, at, quoted=quoted)
    if first is None:
        return _copy(lines, at, at, labels=_HEAD_LABELS, evident=True) or _strange(lines, at)
    kind = Kind.ATTRIBUTION if quoted else Kind.INTRODUCED
    return Boundary(kind, first, at + 1, line.depth, words_before(lines[first].text))


def _marker(text: str) -> str:
    """Return the words of a line such as `---- Original Message ----`."""
    return folded(text.strip(_DECORATION)) if len(text) <= MAX_PATTERN else ""


def _marked(lines: Sequence[Line], at: int) -> Boundary | None:
    """Return the boundary that a line announces, if there is more evidence than its words."""
    text, depth = lines[at].text, lines[at].depth
    words = _marker(text)
    asks = REPLY_ABOVE.search(words)
    if words.startswith(_PROCESSED) or (asks and _is_set_off(lines, at, asks[0])):
        return Boundary(Kind.COPY, at, at + 1, depth)
    if words not in ORIGINAL and words not in FORWARDED:
        return None
    below = _next(lines, at + 1)
    if head := _copy(lines, at, below, labels=2):
        return head
    dashes = sum(text.count(each) for each in "-_=*>\u2010")
    if dashes >= _MARKER_DASHES or (text.rstrip().endswith((":", "\uff1a")) and words in FORWARDED):
        depth = lines[below].depth if below < len(lines) else depth
        return Boundary(Kind.COPY, at, at + 1, depth)
    return None


def _boxed(lines: Sequence[Line], at: int) -> Boundary | None:
    """Return the boundary that a box announces, if a sender stands in it."""
    if not _BOX.fullmatch(lines[at].text) or (at and _BOXED.match(lines[at - 1].text)):
        return None
    end = at
    while end < min(len(lines), at + _MAX_BOX_LINES) and _BOXED.match(lines[end].text):
        end += 1
    said = " ".join(each.text for each in lines[at:end])
    if not (has_address(said) or has_time(said)):
        return None
    return Boundary(Kind.COPY, at, end, lines[at].depth)


def _copy(
    lines: Sequence[Line], first: int, head: int, *, labels: int, evident: bool = False,
    any_label: bool = False,
) -> Boundary | None:  # fmt: skip
    """Return the boundary whose head (From, Sent, To, Subject) begins at a line.

    Its labels may be separated by a few continuation lines, and by blank ones if all are; or all of
    them stand on one line.

    Args:
        lines: The mail.
        first: Where the boundary begins, a rule or a marker above the head included.
        head: Where the head begins.
        labels: How many different labels it needs at least.
        evident: Whether it needs an address, or a subject and a time of day, since nothing stands
            above it.
        any_label: Whether unknown labels count, since a program drew a line above it.
    """
    if not any_label and (not _label(lines, head)[0] or (evident and _label(lines, head - 1)[0])):
        return None
    kinds, found = _head(lines, head, any_label=any_label)
    enough = len(kinds) >= labels and (labels < _HEAD_LABELS or {FROM, DATE} <= kinds)
    if enough and evident:
        said = " ".join(found)
        enough = has_address(said) or (SUBJECT in kinds and has_time(said))
    if any_label and len(kinds) >= labels and not enough:
        # in any language, a mail program writes first who sent it, and then when
        enough = has_address(found[0]) and has_time(" ".join(found[1:]))
    return Boundary(Kind.COPY, first, head + len(found), lines[head].depth) if enough else None


def _is_set_off(lines: Sequence[Line], at: int, phrase: str) -> bool:
    """Whether a helpdesk wrote a line: it decorates it, draws a rule above, or writes capitals."""
    text = lines[at].text
    if text.startswith(_HELPDESK) or (phrase.isascii() and phrase.upper() in text):
        return True
    above = lines[at - 1].text if at else ""
    return bool(above) and not above.strip(_DECORATION)


def _strange(lines: Sequence[Line], at: int) -> Boundary | None:
    """Return the boundary whose head is in a language that no table has.

    Without known labels and without a rule above, it must look like one in every other way: a
    sender and a recipient with their addresses, a full time between these, four labels in a row,
    and blank lines around them.
    """
    if at < 1 or at + 2 >= len(lines) or lines[at - 1].text or "<" not in lines[at].text:
        return None
    sender, when, recipient = (_label(lines, each, any_label=True)[1] for each in range(at, at + 3))
    if not (has_address(sender) and is_full_time(when) and has_address(recipient)):
        return None
    found = _copy(lines, at, at, labels=_STRANGE_LABELS, any_label=True)
    ends = found and found.end + 1 < len(lines) and lines[found.end].blank
    return found if ends and any(each.text for each in lines[:at]) else None


def _head(lines: Sequence[Line], head: int, *, any_label: bool) -> tuple[set[str], list[str]]:
    """Return the kinds of the labels of a head, and what its lines hold beside these."""
    kinds: set[str] = set()
    values: list[str] = []
    end, spaced = head, False
    for at in range(head, min(len(lines), head + _HEAD_LINES)):
        kind, value = _label(lines, at, any_label=any_label)
        if kind in kinds - {OTHER}:
            break
        values.append(value)
        if kind:
            kinds |= {kind} if kinds else {kind, *_labels_in(value)}
            end = at + 1
        elif value:
            if at - end >= _CONTINUED_LINES or is_rule(value):
                break
        else:
            spaced = spaced or (len(kinds) == 1 and at == end)
            if not (spaced and _label(lines, at + 1, any_label=any_label)[0]):
                break
    return kinds, values[: end - head]


def _labels_in(text: str) -> set[str]:
    """Return the kinds of the labels within a line: some programs write a whole head on one."""
    if not (has_address(text) and has_time(text)):
        return set()
    found = {LABELS.get(folded(each), "") for each in _INNER_LABEL.findall(text)}
    return found - {""}


def _label(lines: Sequence[Line], at: int, *, any_label: bool = False) -> tuple[str, str]:
    """Return which label a line has, and what follows it; without one, nothing and the line."""
    text = lines[at].text[:MAX_PATTERN] if 0 <= at < len(lines) else ""
    found = _LABEL.match(text) if text else None
    label = " ".join(folded(found[1]).split()) if found else ""
    kind = LABELS.get(label, label if any_label and label.count(" ") <= 1 else "")
    return (kind, found[2]) if found and kind else ("", text)


def _next(lines: Sequence[Line], at: int) -> int:
    """Return the number of the next line that is not blank, if it is near."""
    end = min(len(lines), at + _LOOK_AHEAD)
    while at < end and lines[at].blank and lines[at].mark is not Mark.BOUNDARY:
        at += 1
    return at if at < end else len(lines)
