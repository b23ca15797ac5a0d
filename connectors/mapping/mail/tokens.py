"""HTML as a stream of tags and texts.

A tokenizer without a tree: what a reader sees of a mail needs none, and strangers could choose the
cost of a tree. Each character is examined a bounded number of times, whatever the input.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK_NAMES = (
    "html|head|body|p|div|br|hr|table|tbody|thead|tfoot|tr|td|th|ul|ol|li|dl|dt|dd|pre|blockquote"
    "|h1|h2|h3|h4|h5|h6|section|article|header|footer|main|nav|aside|address|center|figure"
    "|figcaption|fieldset|form|frameset|hgroup|details|summary|dialog|menu|dir|caption"
)
_INLINE_NAMES = (
    "a|abbr|acronym|applet|area|audio|b|base|basefont|bdi|bdo|big|blink|button|canvas|cite|code|col"
    "|colgroup|data|datalist|del|dfn|em|embed|font|frame|i|iframe|img|includetail|input|ins|kbd"
    "|label|legend|link|map|mark|marquee|meta|meter|nobr"  # glossary: an element of HTML
    "|noembed|noframes|noscript|object|optgroup|option|output"
    "|param|picture|progress|q|rp|rt|ruby|s|samp|script|select|small|source|span|strike|strong"
    "|style|sub|sup|svg|template|textarea|time|title|track|tt|u|var|video|wbr|xmp"
)
BLOCKS = frozenset(_BLOCK_NAMES.split("|"))
_KNOWN = BLOCKS | frozenset(_INLINE_NAMES.split("|"))
_DOCTYPE = "!doctype"
_RAW = frozenset({"script", "style", "title", "iframe", "noembed", "noframes"})
"""In these only their own end is a tag, and nothing is text."""

# the arrow of a longer line, as Lotus Notes draws them around a quote, proves no HTML
_COMMENT_ENDS = re.compile("(?<!-)-->")
_WHOLE = re.compile(r"</?(!doctype(?=\s++html)|[a-z][a-z0-9]*+(?=[\s/>]))[^<>]*+>", re.IGNORECASE)
"""A tag with no `<` in it; the names are looked up, as trying each at every `<` takes long."""
_START = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*+(?:[:_-][a-zA-Z0-9]++)*+)(?=[\s/>])")
_ATTRIBUTES = re.compile(r"(?:[^\"'=>]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')|[\"'=])*+>")
_CHARREF = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}[0-9]{0,2});")
_LONG_CHARREF = re.compile(r"&#(?:[0-9]{8,}+|[xX][0-9a-fA-F]{7,}+);?")


class Text(NamedTuple):
    """Characters between tags."""

    text: str


class Raw(NamedTuple):
    """What stands in an element in which nothing is text, such as style rules."""

    name: str
    content: str


class Tag(NamedTuple):
    """A start or an end of an element.

    Attributes:
        name: In lower case.
        end: Whether it is `</name>`.
        attributes: What stands between the name and `>`.
    """

    name: str
    end: bool
    attributes: str


def is_html(text: str) -> bool:
    """Whether a text has a tag or comment of HTML in it: `3 < 4` and `due <Tuesday` are none."""
    return "<" in text and (_has_comment(text) or _has_tag(text, _KNOWN))


def has_blocks(html: str) -> bool:
    """Whether tags break the lines of a text; where none does, its own line ends do."""
    return _has_tag(html, BLOCKS)


def _has_comment(text: str) -> bool:
    begins = text.find("<!--")
    return begins >= 0 and _COMMENT_ENDS.search(text, begins) is not None


def _has_tag(text: str, names: frozenset[str]) -> bool:
    return any(
        name in names or name == _DOCTYPE
        for name in (found[1].lower() for found in _WHOLE.finditer(text))
    )


def has_references(text: str) -> bool:
    """Whether a text has a character reference such as `&amp;` in it."""
    return "&" in text and _CHARREF.search(text) is not None


def unescaped(text: str) -> str:
    # html.unescape raises ValueError at thousands of digits
    return unescape(_LONG_CHARREF.sub("\ufffd", text)) if "&" in text else text


def tokens(html: str) -> Iterator[Text | Tag | Raw]:
    """Yield the tags and the texts of HTML, without comments; scripts and the like come whole.

    What only looks like a tag is text: an address in angle brackets, a tag without an end, a
    name without attributes that is unknown and was none of a tag above.
    """
    at, lenient = 0, False
    missing: set[str] = set()
    opened_foreign: set[str] = set()
    while True:
        opened = html.find("<", at)
        if opened < 0:
            break
        if opened > at:
            yield Text(html[at:opened])
        start = _START.match(html, opened)
        if start is None:
            at = _after_declaration(html, opened, missing)
            if at < 0:
                at = opened + 1
                yield Text("<")
            continue
        end, lenient = _end_of_tag(html, start.end(), lenient=lenient)
        name, attributes = start[2].lower(), html[start.end() : end - 1]
        known = name in _KNOWN or name in opened_foreign
        if end < 0 or not (known or _is_foreign(name, attributes)):
            at = opened + 1
            yield Text("<")
            continue
        if not known:
            opened_foreign.add(name)
        at = end
        if name in _RAW and not start[1]:
            at = _after_raw(html, end, name)
            yield Raw(name, html[end:at])
        else:
            yield Tag(name, bool(start[1]), attributes)
    if at < len(html):
        yield Text(html[at:])


def _is_foreign(name: str, attributes: str) -> bool:
    """Whether an unknown name is a tag all the same: `<o:p>`, `<x-signature>`, `<v x="1">`."""
    return "<" not in attributes and ("=" in attributes or ":" in name or "-" in name)


def _end_of_tag(html: str, at: int, *, lenient: bool) -> tuple[int, bool]:
    """Return where a tag ends, or -1; and whether to do without quoted attributes from here on.

    The end of a quote that is never closed is searched for up to the end of the text. That happens
    once: after it, the next `>` ends every tag.
    """
    if not lenient:
        found = _ATTRIBUTES.match(html, at)
        if found:
            return found.end(), False
    closed = html.find(">", at)
    return (closed + 1 if closed >= 0 else -1), True


def _after_declaration(html: str, at: int, missing: set[str]) -> int:
    """Return where a comment or declaration ends; -1 where there is none, or none that ends.

    An end that was not found is not searched for again.
    """
    for begin, end in (("<!--", "-->"), ("<!", ">"), ("<?", ">")):
        if html.startswith(begin, at) and end not in missing:
            closed = html.find(end, at + 2)
            if closed >= 0:
                return closed + len(end)
            missing.add(end)
    return -1


def _after_raw(html: str, at: int, name: str) -> int:
    """Return where a script or its like ends: at the end of the text where nothing ends it."""
    found = re.compile(rf"</{name}(?=[\s/>])[^>]*+>?", re.IGNORECASE).search(html, at)
    return found.end() if found else len(html)
