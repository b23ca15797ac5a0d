"""What stands beneath a mail: sign-offs, signatures, lines of devices, disclaimers.

A rule looks at the end of a text and says from which line on it is one of these. What it takes is
short, and what it leaves is not nothing, unless there are quotes as well.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from connectors.mapping.mail.boundaries import is_rule
from connectors.mapping.mail.disclaimers import (
    MAX_DISCLAIMER_LINES,
    disclaims,
    is_banner,
    is_footer,
)
from connectors.mapping.mail.lines import MAX_PATTERN, Line, Mark, size, strip_blank
from connectors.mapping.mail.words import (
    CLOSING,
    CLOSING_WORDS,
    DEVICE,
    NOTES,
    PARTICLES,
    PLACES,
    SENT_FROM,
    SENT_FROM_ENDS,
    THANKS,
    folded,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Part = Literal["signature", "disclaimer"]

_MAX_LINES = 16
_MAX_CHARS = 1_500
_MAX_ROUNDS = 8
_LAST_TWO = 2
_MAX_NAME_WORDS = 5
_MAX_TITLE_WORDS = 6
_MAX_CONTACT_WORDS = 20
_MAX_NAME_CHARS = 60
_MAX_UNSPACED_NAME = 12
_MAX_UNSPACED_TITLE = 20
_MAX_DEVICE_WORDS = 9
_MAX_CLOSING_WORDS = 9

_PUNCTUATION = " \t,.!;:*_~-\u2013\u2014/|()<>\u00a0、。\uff0c\uff01"
_WORD = re.compile(r"[^\s,;:!*_~\u2013\u2014/|<>、。\uff0c\uff01]+")
_CONTACT = re.compile(
    r"@|www\.|https?:|(?<!\d)\+?\d[\d\s().\-/]{5,}\d|[|•·]|^\W*(?:tel|phone|fax|mob|cell|telefon|handy"
    r"|тел|e-?mail|web|skype|whatsapp|м|т|m|t|p|f|e|w)[a-z]*\.?\s?[:.]",
    re.IGNORECASE,
)
_DELIMITER = re.compile(r"[-_\u2013\u2014=*]{2,}|\u2014")
_DASHED_NAME = re.compile(r"\s?[-\u2013\u2014/~]\s?([^\W\d_].*)")
_ENDS_SENTENCE = re.compile(r"[.!?…。\uff01\uff1f]['\"”)\s]*$")
_POSTSCRIPT = re.compile(r"\W*(?:p\.?\s?p?\.?s|n\.?b|ps|з\.?\s?ы|p\.?\s?d)\b", re.IGNORECASE)


class Trimmed(NamedTuple):
    """A text without what stood beneath it.

    Attributes:
        lines: What is left.
        removed: Characters that were taken, by what they were.
    """

    lines: list[Line]
    removed: dict[str, int]


def without_signature(lines: list[Line], *, may_empty: bool = False) -> Trimmed:
    """Return a text without its signature and disclaimer.

    Args:
        lines: What one writer wrote.
        may_empty: Whether nothing but a signature may be there, as above a quote.
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
    return bool(lines) and _closing(lines[0].text) == "thanks"


def is_note(lines: list[Line]) -> bool:
    """Whether lines say nothing, or no more than `FYI`, beside a signature."""
    left = without_signature(lines, may_empty=True).lines
    return not left or (len(left) == 1 and folded(left[0].text.strip(_PUNCTUATION)) in NOTES)


def _without_banner(lines: list[Line]) -> tuple[list[Line], dict[str, int]]:
    """Take away the warning that a mail server wrote above a mail from elsewhere."""
    first = list(_first_paragraph(lines))
    rest = strip_blank(lines[len(first) :])
    if first and rest and is_banner(_text(first)):
        return rest, {"disclaimer": size(first)}
    return lines, {}


def _first_paragraph(lines: list[Line]) -> Iterator[Line]:
    for each in lines[:MAX_DISCLAIMER_LINES]:
        if each.blank:
            return
        yield each


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
            return start if size(lines[start:]) <= _MAX_CHARS else None
        if _DELIMITER.fullmatch(line.text[:MAX_PATTERN]):
            return start if _contacts(lines[start + 1 :]) else None
    return None


def _device(lines: list[Line]) -> int | None:
    """Return where the last line is, if a device or mail program wrote it."""
    if not lines:
        return None
    text = lines[-1].text.strip(_PUNCTUATION)
    if len(text) > MAX_PATTERN or lines[-1].depth:
        return None
    lowered = folded(text)
    words = len(lowered.partition("http")[0].split())
    known = lowered.startswith(SENT_FROM) or lowered.endswith(SENT_FROM_ENDS)
    short = words <= _MAX_DEVICE_WORDS
    return len(lines) - 1 if known and short and DEVICE.search(lowered) else None


def _disclaimer(lines: list[Line]) -> int | None:
    """Return where the last paragraphs begin that are a disclaimer, or a footer of a server's."""
    found, paragraph = None, len(lines)
    at = len(lines) - 1
    while at >= 0 and len(lines) - at <= MAX_DISCLAIMER_LINES:
        if at == 0 or lines[at - 1].blank or is_rule(lines[at - 1].text):
            text = _text(lines[at:paragraph])
            if paragraph == len(lines) and is_footer(text):
                return at - 1 if at and is_rule(lines[at - 1].text) else at
            if disclaims(text):
                found = at
            paragraph = at - 1 if at else 0
        at -= 1
    if found and is_rule(lines[found - 1].text):
        found -= 1
    return found


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
        kind = _closing(text)
        if kind is None:
            continue
        below = strip_blank(lines[at + 1 :])
        if kind == "thanks" and not (below and _is_name(below[0].text)):
            continue
        return at if _contacts(below, named=True) else None
    return None


def _dashed_name(lines: list[Line]) -> int | None:
    """Return where the last line is, if it is a name behind a dash: `-Ann`, `/Ann`."""
    if len(lines) < _LAST_TWO or lines[-2].text:
        return None
    found = _DASHED_NAME.fullmatch(lines[-1].text[:MAX_PATTERN])
    return len(lines) - 1 if found and _is_name(found[1]) else None


def _closing(text: str) -> Literal["closing", "thanks"] | None:
    """Return what kind of sign-off a line is: a few fixed words, and at most a name behind them."""
    bare = folded(text.strip(_PUNCTUATION))
    if not bare or len(bare) > _MAX_CLOSING_WORDS * 12:
        return None
    if bare in THANKS:
        return None if "!" in text or "?" in text else "thanks"
    if bare in CLOSING:
        return "closing"
    words = _WORD.findall(text)
    if len(words) > _MAX_CLOSING_WORDS:
        return None
    known = 0
    while known < len(words) and folded(words[known].strip(".,")) in CLOSING_WORDS:
        known += 1
    rest = words[known:]
    said = {folded(each.strip(".,")) for each in words[:known]}
    if said & CLOSING and (not rest or _is_name(" ".join(rest)) or _is_place(rest)):
        return "closing"
    return None


def _is_place(words: list[str]) -> bool:
    return folded(words[0]) in PLACES and len(words) > 1 and _is_name(" ".join(words[1:]))


def _is_name(text: str) -> bool:
    """Whether a line may be a name: a few words in capitals, no sentence, no number."""
    words = text.strip(_PUNCTUATION).split()
    if not 0 < len(words) <= _MAX_NAME_WORDS or len(text) > _MAX_NAME_CHARS:
        return False
    if _ENDS_SENTENCE.search(text) and not text.rstrip().endswith("."):
        return False
    return all(
        folded(each) in PARTICLES or not (each[0].islower() or each[0].isdigit()) for each in words
    ) and (not _unspaced(text) or len(text) <= _MAX_UNSPACED_NAME)


def _unspaced(text: str) -> bool:
    """Whether a text is in a script that puts no spaces between words."""
    return any("\u3040" <= each <= "\u30ff" or "\u4e00" <= each <= "\u9fff" for each in text)


def _contacts(lines: list[Line], *, named: bool = False) -> bool:
    """Whether lines are a name, a title, an address, and the ways to reach somebody."""
    shown = [each.text for each in lines if each.text]
    if len(shown) > _MAX_LINES or sum(map(len, shown)) > _MAX_CHARS:
        return False
    if not named and not shown:
        return False
    return all(_is_contact(each) for each in shown)


def _is_contact(text: str) -> bool:
    if len(text) > MAX_PATTERN or _POSTSCRIPT.match(text):
        return False
    words = text.split()
    if is_rule(text) or _is_name(text):
        return True
    ends = _ENDS_SENTENCE.search(text) is not None
    if _CONTACT.search(text):
        return len(words) <= (_MAX_TITLE_WORDS if ends else _MAX_CONTACT_WORDS)
    if ends or (_unspaced(text) and len(text) > _MAX_UNSPACED_TITLE):
        return False
    capitals = sum(not each[0].islower() for each in words)
    if len(words) <= _MAX_TITLE_WORDS and not words[0][0].islower():
        return capitals * 2 >= len(words) or any(each[0].isdigit() for each in words)
    return len(words) <= 2 * _MAX_TITLE_WORDS and capitals * 4 >= len(words) * 3


_RULES: tuple[tuple[Part, Callable[[list[Line]], int | None]], ...] = (
    ("signature", _marked),
    ("signature", _device),
    ("disclaimer", _disclaimer),
    ("signature", _delimited),
    ("signature", _signed_off),
    ("signature", _dashed_name),
)
