"""What stands below a mail: sign-offs, signatures, lines of devices, disclaimers.

A rule looks at the end of a text and returns the line where one of these begins. It removes little,
and it leaves something, unless there are quotes as well.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Literal, NamedTuple

from connectors.mapping.mail.boundaries import is_rule
from connectors.mapping.mail.contacts import (
    PUNCTUATION,
    are_contacts,
    closing,
    is_name,
    may_be_thanked_by,
    reaches_somebody,
)
from connectors.mapping.mail.disclaimers import (
    MAX_DISCLAIMER_LINES,
    disclaims,
    heads,
    is_banner,
    is_footer,
)
from connectors.mapping.mail.lines import MAX_PATTERN, Line, Mark, size, strip_blank
from connectors.mapping.mail.words import DEVICE, NOTES, SENT_FROM, SENT_FROM_ENDS, folded

if TYPE_CHECKING:
    from collections.abc import Callable

Part = Literal["signature", "disclaimer"]

_MAX_LINES = 16
_MAX_CHARS = 1_500
_MAX_DELIMITED_CHARS = 800
_MAX_ROUNDS = 8
_LAST_TWO = 2
_MAX_DEVICE_WORDS = 7
_MAX_WORDS_BEFORE_DEVICE = 3

_DIVIDER = re.compile(r"[-_\u2013\u2014=*]{2,}|\u2014")
_DASHED_NAME = re.compile(r"\s?[-\u2013\u2014/~]\s?([^\W\d_].*)")


class Trimmed(NamedTuple):
    """A text without what stood below it.

    Attributes:
        lines: What is left.
        removed: Characters that were taken, by what they were.
    """

    lines: list[Line]
    removed: dict[str, int]


def without_signature(lines: list[Line], *, may_empty: bool = False) -> Trimmed:
    """Return what one writer wrote, without the signature and the disclaimer.

    With `may_empty` nothing else need be there, as above a quote.
    """
    left = strip_blank(lines)
    left, removed = _without_banner(left)
    for _ in range(_MAX_ROUNDS):
        for part, rule in _RULES:
            start = rule(left)
            if start is None:
                continue
            rest = strip_blank(left[:start])
            if not rest and not may_empty:
                continue
            removed[part] = removed.get(part, 0) + size(left) - size(rest)
            left = rest
            break
        else:
            break
    return Trimmed(left, removed)


def is_thanks(lines: list[Line]) -> bool:
    """Whether lines begin with thanks that may be meant."""
    return bool(lines) and closing(lines[0].text) == "thanks"


def is_note(lines: list[Line]) -> bool:
    """Whether lines say nothing, or no more than `FYI`, beside a signature."""
    left = without_signature(lines, may_empty=True).lines
    return not left or (len(left) == 1 and folded(left[0].text.strip(PUNCTUATION)) in NOTES)


def _without_banner(lines: list[Line]) -> tuple[list[Line], dict[str, int]]:
    """Remove the warning that a mail server wrote above a mail from outside."""
    first = list(takewhile(lambda each: not each.blank, lines[:MAX_DISCLAIMER_LINES]))
    rest = strip_blank(lines[len(first) :])
    if first and rest and is_banner(_text(first)):
        return rest, {"disclaimer": size(first)}
    return lines, {}


def _text(lines: list[Line]) -> str:
    return " ".join(each.text for each in lines)


def _marked(lines: list[Line]) -> int | None:
    """Return where the signature begins that the mail program marked as one."""
    start = len(lines)
    while start and (lines[start - 1].mark is Mark.SIGNATURE or lines[start - 1].blank):
        start -= 1
    tail = strip_blank(lines[start:])
    fits = 0 < len(tail) <= 2 * _MAX_LINES and size(tail) <= _MAX_CHARS
    return start if fits else None


def _delimited(lines: list[Line]) -> int | None:
    """Return where `-- ` is; without its space, only names and the like may follow."""
    for start in range(len(lines) - 1, max(-1, len(lines) - _MAX_LINES - 1), -1):
        line = lines[start]
        if line.mark is Mark.DELIMITER:
            return start if size(lines[start:]) <= _MAX_DELIMITED_CHARS else None
        if _divides(line.text):
            return start if _names_somebody(line.text, lines[start + 1 :]) else None
    return None


def _names_somebody(divider: str, lines: list[Line]) -> bool:
    """Whether there is a signature below a divider, and not just another part of the text."""
    shown = [each for each in lines if each.text]
    if not shown or not are_contacts(shown, most=_MAX_LINES):
        return False
    if any(reaches_somebody(each.text) for each in shown):
        return True
    return is_name(shown[0].text) and (divider == "--" or len(shown) > 1)


def _device(lines: list[Line]) -> int | None:
    """Return where the last line is, if a device or mail program wrote it."""
    if not lines:
        return None
    text = lines[-1].text.strip(PUNCTUATION)
    if len(text) > MAX_PATTERN or lines[-1].depth or "?" in text:
        return None
    lowered = folded(text).partition("http")[0].rstrip(PUNCTUATION)
    begins = next(
        (begin for begin, end in SENT_FROM if lowered.startswith(begin) and lowered.endswith(end)),
        "",
    )
    if not begins and not lowered.endswith(SENT_FROM_ENDS):
        return None
    rest = lowered.removeprefix(begins).lstrip()
    device = DEVICE.search(rest) or DEVICE.search(lowered)
    near = device and rest[: device.start()].count(" ") <= _MAX_WORDS_BEFORE_DEVICE
    # a line that ends with a device may name its brand and its network before it
    words = rest.count(" ") - 2 * bool(DEVICE.search(rest.rpartition(" ")[2]))
    if not near or words > _MAX_DEVICE_WORDS:
        return None
    at = len(lines) - 1
    return at - 1 if at and _divides(lines[at - 1].text) else at


def _disclaimer(lines: list[Line]) -> int | None:
    """Return where the last paragraphs begin that are a disclaimer, or a footer of a server's."""
    found, paragraph = None, len(lines)
    at = len(lines) - 1
    while at >= 0 and len(lines) - at <= MAX_DISCLAIMER_LINES:
        if at == 0 or lines[at - 1].blank or _divides(lines[at - 1].text):
            text = _text(lines[at:paragraph])
            if paragraph == len(lines) and is_footer(text):
                return at - 1 if at and _divides(lines[at - 1].text) else at
            if disclaims(text) or (found == paragraph + 1 and heads(text)):
                found = at
            paragraph = at - 1 if at else 0
        at -= 1
    if found and _divides(lines[found - 1].text):
        found -= 1
    return found


def _divides(text: str) -> bool:
    """Whether a line only separates others."""
    return is_rule(text) or _DIVIDER.fullmatch(text[:MAX_PATTERN]) is not None


def _signed_off(lines: list[Line]) -> int | None:
    """Return where the last sign-off is, with nothing but a name and the like beneath it."""
    nonblank = 0
    for at in range(len(lines) - 1, -1, -1):
        text = lines[at].text
        if not text:
            continue
        nonblank += 1
        if nonblank > _MAX_LINES or lines[at].depth:
            return None
        kind = closing(text)
        if kind is None:
            continue
        below = strip_blank(lines[at + 1 :])
        if kind == "thanks" and not (below and may_be_thanked_by(below[0].text)):
            continue
        return at if are_contacts(below, most=_MAX_LINES) else None
    return None


def _dashed_name(lines: list[Line]) -> int | None:
    """Return where the last line is, if it is a name behind a dash: `-Ann`, `/Ann`."""
    if len(lines) < _LAST_TWO or lines[-2].text:
        return None
    found = _DASHED_NAME.fullmatch(lines[-1].text[:MAX_PATTERN])
    return len(lines) - 1 if found and is_name(found[1]) else None


_RULES: tuple[tuple[Part, Callable[[list[Line]], int | None]], ...] = (
    ("signature", _marked),
    ("signature", _device),
    ("disclaimer", _disclaimer),
    ("signature", _signed_off),
    ("signature", _delimited),
    ("signature", _dashed_name),
)
