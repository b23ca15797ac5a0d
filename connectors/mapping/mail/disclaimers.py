"""What servers and companies add below or above every mail.

A paragraph is one of these by how it begins and by what else it says, and never where its writer
says `I`: a complaint about somebody's confidential mail is no disclaimer.
"""

from __future__ import annotations

import re

from connectors.mapping.mail.words import (
    BANNERS,
    BEGINNINGS,
    DISCLAIMER_WORD,
    FOOTERS,
    HEADINGS,
    OUTSIDE,
    Phrases,
    folded,
)

MAX_DISCLAIMER_LINES = 40
_MAX_CHARS = 4_000
_HEADING_WORDS = 4
_WORDS_NEEDED = 2
_DECORATION = " \t*_-=~#>[(\"'\u2022\u00a0"
_SCANNED = re.compile(r"virus|viren|avast|avg\b|spam")
_MAILING_LIST = re.compile(r"\S{2,60} mailing list\b")


def disclaims(paragraph: str) -> bool:
    text = _plain(paragraph)
    headed = _begins(text, HEADINGS)
    if not headed and not _begins(text, BEGINNINGS):
        return False
    words = len(set(DISCLAIMER_WORD.findall(text)))
    return words >= _WORDS_NEEDED or (headed and (words > 0 or text.count(" ") < _HEADING_WORDS))


def is_footer(paragraph: str) -> bool:
    """Whether the last paragraph is a virus scanner's, a mailing list's or a printer's friend's."""
    text = _plain(paragraph)
    if _MAILING_LIST.match(text) or _begins(text, FOOTERS):
        return True
    return _begins(text, BEGINNINGS) and _SCANNED.search(text) is not None


def is_banner(paragraph: str) -> bool:
    """Whether the first paragraph is a mail server's warning of mails from elsewhere."""
    text = _plain(paragraph)
    return _begins(text, BANNERS) and OUTSIDE.search(text) is not None


def _begins(text: str, phrases: Phrases) -> bool:
    """Whether a text begins with a phrase of a language, and its writer does not say `I` in it."""
    return text.startswith(phrases.all) and any(
        text.startswith(of_language) and not pronoun.search(text)
        for of_language, pronoun in phrases.by_language
    )


def _plain(paragraph: str) -> str:
    """Return a paragraph in lower case and undecorated; nothing where it is too long."""
    if len(paragraph) > _MAX_CHARS:
        return ""
    return " ".join(folded(paragraph).split()).lstrip(_DECORATION)
