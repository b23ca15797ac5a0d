"""Take out of a text what its writer did not write: markup, quotes, signatures.

Everything here runs in the daemon's one thread on what strangers send, so its time must be bounded,
whatever it is given.
"""

from __future__ import annotations

import re
import unicodedata

from mailparser_reply.parser import EmailMessage
from selectolax.lexbor import LexborHTMLParser

_MAX_TAGS = 10_000
"""Lexbor takes 0.1 s for so many nested elements, and two minutes for twenty times as many."""
_TAG = re.compile(r"<[^<>]*>")
_UNSEEN = ("script", "style", "head", "template", "noscript", "svg")
_BLOCKS = (
    "address, article, blockquote, dd, div, dt, footer, h1, h2, h3, h4, h5, h6, header, hr, "
    "li, ol, p, pre, section, table, td, th, tr, ul"
)
_QUOTES = "blockquote, .gmail_quote, .yahoo_quoted, .moz-cite-prefix, #divRplyFwdMsg"
_SPACES = re.compile(r"[^\S\n]+")
_GAPS = re.compile(r"\s*\n\s*\n\s*")

_LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "sv", "da", "cs", "ja", "ko", "zh")
_MAX_LINE = 200
"""No separator or signature is longer; the library's patterns are quadratic in a line's length."""
_HELD = re.compile("\ufdd0([0-9]+)\ufdd1")


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text but spaces, controls and zero-width characters."""
    return all(unicodedata.category(each) in {"Cc", "Cf", "Zs", "Zl", "Zp"} for each in text)


def strip_html(html: str, *, quotes: bool = False) -> str:
    """Return the text that a reader of the HTML sees, with its blocks on lines of their own.

    Args:
        html: A document or a part of one; plain text comes back as it is, but for its spaces.
        quotes: Whether to leave out what mail programs mark as quoted.
    """
    if html.count("<") > _MAX_TAGS:
        return _tidy(_TAG.sub(" ", html))
    tree = LexborHTMLParser(html)
    if tree.body is None:
        return ""
    tree.strip_tags(list(_UNSEEN))
    if quotes:
        for node in tree.css(_QUOTES):
            node.decompose()
    for node in tree.css("br"):
        node.insert_before("\n")
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    return _tidy(tree.body.text())


def strip_reply(text: str, *, quotes: bool, signature: bool) -> str:
    """Return what the writer of an e-mail added to it.

    Args:
        text: A plain-text e-mail.
        quotes: Whether to leave out what it replies to.
        signature: Whether to leave out its signature and disclaimer.
    """
    held: list[str] = []

    def hold(line: str) -> str:
        if len(line) <= _MAX_LINE:
            return line
        held.append(line)
        return f"\ufdd0{len(held) - 1}\ufdd1"

    lines = (hold(line.strip()) for line in text.replace("\ufdd0", "").splitlines())
    short = _GAPS.sub("\n\n", "\n".join(lines)).strip()
    replies = EmailMessage(short, languages=list(_LANGUAGES), keep_hyphen_lists=True).read().replies
    parts = replies[:1] if quotes else replies
    kept = "\n".join(part.body if signature else part.content for part in parts)
    if quotes:
        kept = "\n".join(line for line in kept.split("\n") if not line.startswith(">"))
    return _HELD.sub(lambda found: held[int(found[1])], kept).strip()


def _tidy(text: str) -> str:
    return _GAPS.sub("\n\n", _SPACES.sub(" ", text)).replace("\n ", "\n").strip()
