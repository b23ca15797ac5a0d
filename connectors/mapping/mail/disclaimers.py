"""What servers and companies add below or above every mail.

A paragraph is one of these by how it begins and by what else it says, and never where its writer
says `I`, or asks: a complaint about somebody's confidential mail is no disclaimer.
"""

from __future__ import annotations

import re

from connectors.mapping.mail.words import (
    BANNERS,
    BEGINNINGS,
    DISCLAIMER_WORDS,
    FOOTERS,
    HEADINGS,
    MAILS,
    OUTSIDE,
    Phrases,
    folded,
)

MAX_DISCLAIMER_LINES = 40
_MAX_CHARS = 4_000
_HEADING_WORDS = 4
_WORDS_NEEDED = 4
_WORDS_OF_LONG = 3
_LONG = 150
"""Bytes, since fewer characters say as much in Chinese."""
_SHORT_WORDS = 3
_DECORATION = " \t*_-=~#>[(\"'\u2022\u00a0"
_ASKS = re.compile(r"[?\uff1f]")
_SCANNED = re.compile(r"virus|viren|avast|avg\b|spam")
_OFFERS = re.compile(
    r"https?:|www\.|@|[|<]|mail|message|nachricht|courriel|correo|print|druck|imprim|stamp|afdruk"
    r"|печат|друк|\b(?:click\b|klick|cliqu|clic\b)"
)
"""What a footer speaks of: where to go, or the mail itself."""
_MAILING_LIST = re.compile(r"\S{2,60} mailing list\b")


def disclaims(paragraph: str) -> bool:
    text = _plain(paragraph)
    if not (_begins(text, HEADINGS) or _begins(text, BEGINNINGS)) or _ASKS.search(text):
        return False
    words = max(len(set(each.findall(text))) for each in DISCLAIMER_WORDS)
    return words >= _WORDS_NEEDED or (words >= _WORDS_OF_LONG and len(text.encode()) >= _LONG)


def heads(paragraph: str) -> bool:
    """Whether a paragraph is nothing but the heading of a disclaimer, which must follow."""
    text = _plain(paragraph)
    return text.count(" ") < _HEADING_WORDS and _begins(text, HEADINGS)


def is_footer(paragraph: str) -> bool:
    """Whether the last paragraph is a virus scanner's, a mailing list's or a printer's friend's."""
    text = _plain(paragraph)
    if _MAILING_LIST.match(text):
        return "@" in text or "http" in text
    if _begins(text, FOOTERS):
        return text.count(" ") < _SHORT_WORDS or _OFFERS.search(text) is not None
    return _begins(text, BEGINNINGS) and _SCANNED.search(text) is not None


def is_banner(paragraph: str) -> bool:
    """Whether the first paragraph is a mail server's warning of mails from elsewhere."""
    text = _plain(paragraph)
    if not (_begins(text, BANNERS) and OUTSIDE.search(text)):
        return False
    return MAILS.search(text) is not None or paragraph.startswith(("[", "*"))


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
