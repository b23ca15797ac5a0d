"""Names, sign-offs, and the ways to reach somebody: the lines of which signatures are made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from connectors.mapping.mail.boundaries import is_rule
from connectors.mapping.mail.lines import MAX_PATTERN
from connectors.mapping.mail.words import (
    CLOSING,
    CLOSING_WORDS,
    JUDGEMENTS,
    JUDGEMENTS_UNSPACED,
    PARTICLES,
    PLACES,
    THANKS,
    folded,
)

if TYPE_CHECKING:
    from connectors.mapping.mail.lines import Line

PUNCTUATION = " \t,.!;:*_~-\u2013\u2014/|()[]<>\u00a0\u200b\u2063\u060c、。\uff0c\uff01"

_MAX_CHARS = 1_500
_MAX_NAME_WORDS = 5
_MAX_PLAIN_NAME_WORDS = 3
_MAX_TITLE_WORDS = 6
_MAX_CONTACT_WORDS = 20
_MAX_CLOSING_WORDS = 9
_MAX_CLOSING_CHARS = 100
_MAX_NAME_CHARS = 60
_MAX_UNSPACED_NAME = 6
_MAX_THANKED_CHARS = 5
_MAX_UNSPACED_TITLE = 20

_WORD = re.compile(r"[^\s,;:!*_~\u2013\u2014/|<>\u060c、。\uff0c\uff01]+")
_CONTACT = re.compile(
    r"\w@\w|www\.|https?:|(?<!\d)\+?\d[\d\s().\-/]{5,}\d|[|•·]|^\W*(?:(?:tel|phone|fax|mob|cell|telefon"
    r"|handy|тел|e-?mail|web|skype|whatsapp)[a-z]{0,6}|[mtfewpмт])\.?\s?:",
    re.IGNORECASE,
)
_ENDS_SENTENCE = re.compile(r"[.!?…。\uff01\uff1f]['\"”)\s]*$")
_POSTSCRIPT = re.compile(r"\W*(?:p\.?\s?p?\.?s|n\.?b|ps|з\.?\s?ы|p\.?\s?d)\b", re.IGNORECASE)


def closing(text: str) -> Literal["closing", "thanks"] | None:
    """Return what kind of sign-off a line is: a few fixed words, and at most a name behind them."""
    if len(text) > _MAX_CLOSING_CHARS:
        return None
    bare = folded(text.strip(PUNCTUATION))
    if bare in THANKS:
        return None if "!" in text or "?" in text else "thanks"
    if bare in CLOSING:
        return "closing"
    words = _WORD.findall(text)
    if len(words) > _MAX_CLOSING_WORDS:
        return None
    said = set()
    while words and (word := folded(words[0].strip(".,"))) in CLOSING_WORDS:
        said.add(word)
        del words[0]
    fits = not words or is_name(" ".join(words)) or _is_place(words)
    return "closing" if said & CLOSING and fits else None


def is_name(text: str) -> bool:
    """Whether a line may be a name: a few words in capitals, no sentence, number or judgement."""
    if judges(text):
        return False
    words = text.strip(PUNCTUATION).split()
    if not 0 < len(words) <= _MAX_NAME_WORDS or len(text) > _MAX_NAME_CHARS:
        return False
    if _ENDS_SENTENCE.search(text) and not text.rstrip().endswith("."):
        return False
    if _unspaced(text) and len(text) > _MAX_UNSPACED_NAME:
        return False
    if not _has_capitals(text) and len(words) > _MAX_PLAIN_NAME_WORDS:
        return False
    return all(folded(each) in PARTICLES or _is_of_name(each) for each in words)


def may_be_thanked_by(text: str) -> bool:
    """Whether a line beneath thanks is a name; in a script without capitals, only a short one."""
    bare = text.strip(PUNCTUATION)
    return is_name(text) and (
        _has_capitals(bare) or len(bare.replace(" ", "")) <= _MAX_THANKED_CHARS
    )


def _has_capitals(text: str) -> bool:
    """Whether a text is in a script that has them."""
    return text != text.swapcase()


def _is_of_name(word: str) -> bool:
    first = word.lstrip("(\"'\u201c\u201e\u00ab")[:1]
    return first.isalpha() and not first.islower() and word.count("/") <= 1


def reaches_somebody(text: str) -> bool:
    """Whether an address, a number, or a label of one stands in a line."""
    return _CONTACT.search(text[:MAX_PATTERN]) is not None


def are_contacts(lines: list[Line], *, most: int) -> bool:
    """Whether lines beneath a sign-off or a divider say who somebody is, and how to reach them."""
    shown = [each.text for each in lines if each.text]
    if len(shown) > most or sum(map(len, shown)) > _MAX_CHARS:
        return False
    if shown and judges(shown[0]):
        return False
    named = False
    titles = True
    for line in lines:
        if line.text and not _is_contact(line.text, titles=titles and named):
            return False
        # what stands apart from the name is no title, but may be another complaint
        titles = titles and (bool(line.text) or not named)
        named = named or bool(line.text)
    return True


def _is_contact(text: str, *, titles: bool) -> bool:
    """Whether a line belongs beneath a name; `titles` takes a few words for somebody's title."""
    if len(text) > MAX_PATTERN or _POSTSCRIPT.match(text):
        return False
    if is_rule(text) or is_name(text):
        return True
    words = text.split()
    ends = _ENDS_SENTENCE.search(text) is not None
    if reaches_somebody(text):
        return len(words) <= (_MAX_TITLE_WORDS if ends else _MAX_CONTACT_WORDS)
    if ends or (_unspaced(text) and len(text) > _MAX_UNSPACED_TITLE):
        return False
    capitals = sum(not each[0].islower() for each in words)
    if titles and len(words) <= _MAX_TITLE_WORDS and not words[0][0].islower():
        return capitals * 2 >= len(words) or any(each[0].isdigit() for each in words)
    return len(words) <= 2 * _MAX_TITLE_WORDS and capitals * 4 >= len(words) * 3


def judges(text: str) -> bool:
    """Whether a short line has words of a judgement, as in `Great service` or `NEVER AGAIN`."""
    lowered = folded(text[:_MAX_NAME_CHARS])
    return not JUDGEMENTS.isdisjoint(
        each.strip(PUNCTUATION) for each in lowered.replace("\u2019", "'").split()
    ) or any(each in lowered for each in JUDGEMENTS_UNSPACED)


def _is_place(words: list[str]) -> bool:
    return folded(words[0]) in PLACES and len(words) > 1 and is_name(" ".join(words[1:]))


def _unspaced(text: str) -> bool:
    """Whether a text is in a script that puts no spaces between words."""
    return any("\u3040" <= each <= "\u30ff" or "\u4e00" <= each <= "\u9fff" for each in text)
