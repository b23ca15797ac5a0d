"""Which language a text is in: detected offline, in microseconds."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

import eldc  # type: ignore[import-untyped]

UNDETERMINED: Final = "und"
"""BCP 47's tag for a language that is not known."""

_MAX_CHARS: Final = 600
"""The detector reads no more than 1,000 bytes."""
_KEPT: Final = 2048
"""Texts whose language is kept, 5 MB at most: a text that is known costs only its hash."""
_WORDY: Final = 20
"""Letters that are enough to show a language."""
_SURE: Final = 0.85
_LIKELY: Final = (0.65, 0.1)
_SHORT_LIKELY: Final = (0.8, 0.2)
"""Score of the best language, and how far the next one must be behind it."""

# What people of every language write: links, and code as Markdown marks it ...
_MARKED: Final = re.compile(
    r"```.{0,600}?(?:```|$)|`[^`\n]{1,200}`|(?:https?://|www\.)[!-~]+", re.DOTALL | re.IGNORECASE
)
# ... names and hashtags, numbers, entities, code, file names, and what stands for a link.
_NO_WORD: Final = re.compile(r"^[@#$&]|\d|\w[_=(){}\[\]<>\\/|;:@#$^*+~.]+\w|^https?$")
_SUSPECT: Final = re.compile(r"[`@#$&\d\0]|\w[_=(){}\[\]<>\\/|;:^*+~.]+\w|http")
"""Where this does not match, neither of the two above does."""
_TAG: Final = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*", re.IGNORECASE)

eldc.init()
LANGUAGES: Final = frozenset(eldc.LANGUAGES)
"""Primary subtags of the languages that can be detected."""
_SAME: Final[dict[str, str]] = {
    **dict(zip(eldc.LANGUAGES_ISO2T, eldc.LANGUAGES, strict=True)),
    # languages that are written nearly alike: the detector only finds their group
    "nb": "no", "nn": "no", "id": "ms", "fil": "tl", "bs": "hr",
}  # fmt: skip
"""For other names of a language, the name that the detector uses."""
_GROUPS: Final = {*LANGUAGES, UNDETERMINED}
_detector: Final = eldc.instance()
_detector.set_scores(2)


class Language(NamedTuple):
    """The language of a text.

    Attributes:
        tag: BCP 47: as the message names it, or the primary subtag that was detected, or `und`.
        confidence: In [0, 1]: 1 where the message names it, 0 where it is `und`.
        wordy: False where it is `und` for lack of words; `und` with enough words is a language that
            cannot be detected, or several.
    """

    tag: str
    confidence: float
    wordy: bool = True

    @property
    def primary(self) -> str:
        """The subtag that names the language, without script and region."""
        return primary(self.tag)

    @property
    def group(self) -> str:
        """The language as one of the few values that a metric's label may have."""
        known = self.tag if self.tag in _GROUPS else self.primary
        return known if known in _GROUPS else "other"


def primary(tag: str) -> str:
    """Return the subtag of a language tag that names the language; nothing where it is no tag."""
    found = _TAG.fullmatch(tag)
    if found is None:
        return ""
    name = found[1].lower()
    return _SAME.get(name, name)


def told(tag: str | None) -> Language | None:
    """Return the language that a message names; None where that is no language tag.

    Words such as "English" or "unknown", and `und` itself, count as none.
    """
    if not tag or primary(tag) in {"", UNDETERMINED}:
        return None
    return Language(tag.replace("_", "-"), 1.0)


def detect(text: str) -> Language:
    """Detect the language of a text, by its first 600 characters.

    Emoji, links, names, numbers and code do not count. A short text needs a higher score than a
    long one.
    """
    return _detect(text[:_MAX_CHARS])


@lru_cache(_KEPT)
def _detect(words: str) -> Language:
    if _SUSPECT.search(words):
        words = _words(words)
    found = _detector.detect_details(words)
    scores = [*found.scores.values(), 0.0, 0.0]
    best, ahead = scores[0], scores[0] - scores[1]
    if found.reliable:
        return Language(found.language, round(best, 2))
    wordy = sum(map(_is_letter, words)) >= _WORDY
    likely, clear = _LIKELY if wordy else _SHORT_LIKELY
    if (best >= likely and ahead >= clear) or (wordy and best >= _SURE and ahead > 0):
        return Language(found.language, round(best, 2))
    return Language(UNDETERMINED, 0.0, wordy)


def _words(text: str) -> str:
    # the detector stops at a NUL
    text = text.replace("\0", " ")
    if "`" in text or "://" in text or "www." in text:
        text = _MARKED.sub(" ", text)
    return " ".join(filter(_counts, text.split()))


def _counts(part: str) -> bool:
    # in scripts without spaces a whole sentence is one part
    return part.isalpha() or not part.isascii() or not _NO_WORD.search(part)


def _is_letter(character: str) -> bool:
    # a vowel sign is a letter, what makes an emoji of a character is none
    return character.isalpha() or (
        character > "\u02ff"
        and character != "\ufe0f"
        and unicodedata.category(character) in {"Mc", "Mn"}
    )
