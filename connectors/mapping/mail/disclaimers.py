"""What servers and companies put beneath or above everybody's mails.

A paragraph is one of these by how it begins and by what else it says, and never where its writer
says `I`: a complaint about somebody's confidential mail is no disclaimer.
"""

from __future__ import annotations

import re

from connectors.mapping.mail.words import BOILERPLATE, DISCLAIMER_WORD, OUTSIDE, folded

MAX_DISCLAIMER_LINES = 40
_MAX_CHARS = 4_000
_MAX_HEADING_WORDS = 4
_WORDS_NEEDED = 2
_DECORATION = " \t*_-=~#>[(\"'\u2022\u00a0"
_SCANNED = re.compile(r"virus|viren|avast|avg\b|spam")
_MAILING_LIST = re.compile(r"\S{2,60} mailing list\b")


def disclaims(paragraph: str) -> bool:
    """Whether a paragraph at the end of a text is a disclaimer."""
    text = _plain(paragraph)
    words = len(set(DISCLAIMER_WORD.findall(text)))
    headed = words > 0 or len(text.split()) <= _MAX_HEADING_WORDS
    return any(
        (headed and text.startswith(language.headings))
        or (words >= _WORDS_NEEDED and text.startswith(language.beginnings))
        for language in BOILERPLATE
        if not language.pronoun.search(text)
    )


def is_footer(paragraph: str) -> bool:
    """Whether the last paragraph is a virus scanner's, a mailing list's or a printer's friend's."""
    text = _plain(paragraph)
    scanned = _SCANNED.search(text) is not None
    return _MAILING_LIST.match(text) is not None or any(
        text.startswith(language.footers) or (scanned and text.startswith(language.beginnings))
        for language in BOILERPLATE
        if not language.pronoun.search(text)
    )


def is_banner(paragraph: str) -> bool:
    """Whether the first paragraph is a mail server's warning of mails from elsewhere."""
    text = _plain(paragraph)
    return OUTSIDE.search(text) is not None and any(
        text.startswith(language.banners) and not language.pronoun.search(text)
        for language in BOILERPLATE
    )


def _plain(paragraph: str) -> str:
    """Return a paragraph in lower case and undecorated; nothing where it is too long."""
    if len(paragraph) > _MAX_CHARS:
        return ""
    return " ".join(folded(paragraph).split()).lstrip(_DECORATION)
