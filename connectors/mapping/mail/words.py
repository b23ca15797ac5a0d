"""The words of `languages.toml`, of all languages together."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from importlib.resources import files
from itertools import filterfalse
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

FROM, DATE, TO, SUBJECT, OTHER = "from", "date", "to", "subject", "other"
_FEW = 100
_FIRST_UNSPACED = "\u3000"
"""The first character of the scripts that put no spaces between words."""


_LANGUAGES: dict[str, dict[str, list[str]]] = tomllib.loads(
    files(__package__ or "").joinpath("languages.toml").read_text(encoding="utf-8")
)


def folded(text: str) -> str:
    """Return a text in lower case and without accents: many people write none."""
    text = text.casefold()
    if text.isascii():
        return text
    # a few characters become eighteen: of such a text the beginning is enough
    apart = unicodedata.normalize("NFKD", text)[: 2 * len(text) + _FEW]
    return unicodedata.normalize("NFC", "".join(filterfalse(unicodedata.combining, apart)))


def _all(name: str) -> frozenset[str]:
    return frozenset(folded(each) for words in _LANGUAGES.values() for each in words.get(name, ()))


def _any(name: str) -> re.Pattern[str]:
    return _pattern(_all(name))


def _pattern(words: Collection[str]) -> re.Pattern[str]:
    """Return a pattern for any of some words, the longest first."""
    ordered = sorted(words, key=lambda each: (-len(each), each))
    return re.compile(f"(?:{'|'.join(map(re.escape, ordered))})")


WROTE = frozenset(each for each in _all("wrote") if each[0] < _FIRST_UNSPACED)
WROTE_UNSPACED = tuple(sorted(_all("wrote") - WROTE))
LABELS = {label: kind for kind in (OTHER, SUBJECT, TO, DATE, FROM) for label in _all(kind)}
"""The kind of each label in the head of a quoted mail; where languages clash, the later kind."""
ORIGINAL = _all("original")
FORWARDED = _all("forwarded")
NOTES = _all("note")
OPENERS = tuple(sorted(each.capitalize() for each in _all("openers")))
REPLY_ABOVE = _any("reply_above")
SENT_FROM_ENDS = tuple(_all("sent_from_ends"))
SENT_FROM = tuple(
    (begin, end)
    for begin, _, end in (
        each.partition("...") for each in sorted(_all("sent_from"), key=len, reverse=True)
    )
)
CLOSING = _all("closing")
CLOSING_WORDS = CLOSING | _all("filler")
THANKS = _all("thanks")
JUDGEMENTS = frozenset(each for each in _all("judgements") if each[0] < _FIRST_UNSPACED)
JUDGEMENTS_UNSPACED = tuple(sorted(_all("judgements") - JUDGEMENTS))
PARTICLES = _all("particles")
PLACES = _all("places")
DEVICE = _any("devices")
OUTSIDE = _any("outside")
MAILS = _any("mails")


class Phrases(NamedTuple):
    """How paragraphs begin that were not written for this mail.

    Attributes:
        all: In any language.
        by_language: In each language, with a pattern for a word that only the writer of a mail
            uses: in another language it may mean something else.
    """

    all: tuple[str, ...]
    by_language: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]


def _phrases(name: str) -> Phrases:
    by_language = []
    for words in _LANGUAGES.values():
        if name in words:
            pronouns = "|".join(re.escape(folded(each)) for each in words["pronouns"])
            pronoun = re.compile(rf"(?<!\w)(?:{pronouns})(?!\w)")
            by_language.append((tuple(map(folded, words[name])), pronoun))
    return Phrases(tuple(_all(name)), tuple(by_language))


DISCLAIMER_WORDS = tuple(
    _pattern([folded(each) for each in words["disclaimer_words"]])
    for words in _LANGUAGES.values()
    if "disclaimer_words" in words
)
"""Of each language apart: in another one, a word may be that of a complaint."""
HEADINGS = _phrases("disclaimer_headings")
BEGINNINGS = _phrases("disclaimer_beginnings")
FOOTERS = _phrases("footers")
BANNERS = _phrases("banners")
