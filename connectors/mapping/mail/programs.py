"""What mail programs leave in the HTML of the mails that they send."""

from __future__ import annotations

import re
from enum import Enum, auto


class MailPart(Enum):
    """What an element is, by its attributes."""

    HIDDEN = auto()
    """No reader sees it."""
    QUOTE = auto()
    """It is a quote, or introduces one."""
    BLOCKQUOTE = auto()
    """It is probably a quote."""
    GMAIL = auto()
    """Gmail's frame around an attribution, quotes and, in between, replies."""
    BOUNDARY = auto()
    """All that follows is the mail that is replied to or forwarded."""
    RULE = auto()
    """A line that Outlook draws above the head of that mail, and others anywhere."""
    SIGNATURE = auto()


_TELLING = (
    "quot", "cite", "sign", "hidden", "display", "visib", "height", "opacity", "fwdmsg", "reply",
    "forward", "reference-message", "olk_src", "border", "outlookmessage", "zmail", "composer",
    "_rc_sig", "seperator", "airmail", "_id_-sgn", "transparent", "left:", "top:", "indent",
)  # fmt: skip
"""Every part has one of these words; most tags have none, and need no further look."""
_ATTRIBUTE = re.compile(
    r"(?<![\w-])([a-z][a-z-]*+)\s*+(?:=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++)))?",
    re.IGNORECASE,
)
_MAX_ATTRIBUTES = 4_000

_NAMING = ("class", "id", "name", "data-smartmail")
_NUMBERED = re.compile(r"^ydp\w{1,20}?(?=yahoo_)|_\d+$")

_HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|(?<![a-z-])opacity:0(?:\.0+)?(?:;|$|!)"
    r"|(?<![a-z-])color:transparent|(?<![a-z-])(?:left|top|text-indent):-\d{4,}px"
)
_NO_HEIGHT = re.compile(r"(?<![a-z-])(?:max-)?height:0(?:px|em|pt)?(?:;|$|!)")
_BRACE = re.compile(r"[{}]")
_SELECTOR = re.compile(r"(?:[a-z][a-z0-9]*)?[.#]([\w-]+)")
_MAX_STYLES = 50_000
_INDENT = re.compile(r"(?<![a-z-])border(?:-left)?:(?:none|0|medium none)")
_OUTLOOK_RULE = re.compile(r"border:none;border-top:solid#?\w{3,}1\.0pt")
_QUOTES = frozenset({
    "yahoo_quoted", "protonmail_quote", "tutanota_quote", "moz-cite-prefix",
    "moz-forward-container-header", "reply-intro", "isreplycontent", "olk_src_body_section",
    "mail-editor-reference-message-container", "messagereplysection", "zmail_extra", "quote",
    "airmail_on", "spark_quote", "front-blockquote", "cite", "ms-outlook-mobile-reference-message",
    "ox-quote", "mailru-blockquote", "ymail_quoted",
})  # fmt: skip
_BOUNDARIES = frozenset({
    "divrplyfwdmsg", "outlookmessageheader", "orimsghtmlseperator", "isforwardcontent",
})  # fmt: skip
_SIGNATURES = frozenset({
    "gmail_signature", "gmail_signature_prefix", "moz-signature", "protonmail_signature_block",
    "signature", "applemailsignature", "linebreakatbeginningofsignature", "composer_signature",
    "ymail_android_signature", "ymail_ios_signature", "ms-outlook-mobile-signature", "_rc_sig",
    "messagesignaturesection", "tutanota_signature", "ms-outlook-ios-signature",
    "protonmail_signature_block-user", "protonmail_signature_block-proton", "zm-_id_-sgn",
})  # fmt: skip


NAMES = {
    MailPart.BOUNDARY: _BOUNDARIES,
    MailPart.GMAIL: frozenset({"gmail_quote"}),
    MailPart.QUOTE: _QUOTES,
    MailPart.SIGNATURE: _SIGNATURES,
}


def hidden_names(styles: str) -> set[str]:
    """Return the classes and ids whose elements the style rules of a mail hide on every screen.

    A rule within `@media` says nothing of the others; nor does one of elements within others.
    """
    first, *rest = styles[:_MAX_STYLES].lower().split("/*")
    rules = first + "".join(each.partition("*/")[2] for each in rest)
    found: set[str] = set()
    depth = begin = 0
    selectors = ""
    for brace in _BRACE.finditer(rules):
        inside = rules[begin : brace.start()]
        begin = brace.end()
        if brace[0] == "{":
            selectors = selectors if depth else inside
            depth += 1
            continue
        if depth == 1 and "@" not in selectors and _hides("".join(inside.split())):
            named = (
                _SELECTOR.fullmatch(each.strip(" \t\r\n<!->")) for each in selectors.split(",")
            )
            found.update(each[1] for each in named if each)
        depth = max(0, depth - 1)
    return found


def part_of(
    name: str, attributes: str, hidden: set[str] | frozenset[str] = frozenset()
) -> MailPart | None:
    """Return what an element is, by its name and its tag; None where it is just text.

    Classes and ids in `hidden` are those that the style rules of the mail hide.
    """
    lowered = attributes.lower()
    if hidden and not hidden.isdisjoint(_names(_attributes(attributes))):
        return MailPart.HIDDEN
    if name != "blockquote" and not any(word in lowered for word in _TELLING):
        return None
    given = _attributes(attributes)
    style = "".join(given.get("style", "").lower().split())
    if "hidden" in given or _hides(style):
        return MailPart.HIDDEN
    names = _names(given)
    if name == "blockquote":
        return _blockquote(names, given, style)
    for part, its_names in NAMES.items():
        if not its_names.isdisjoint(names):
            return part
    return MailPart.RULE if _OUTLOOK_RULE.match(style) else None


def _hides(style: str) -> bool:
    if _HIDING.search(style):
        return True
    return "overflow:hidden" in style and _NO_HEIGHT.search(style) is not None


def _blockquote(names: set[str], given: dict[str, str], style: str) -> MailPart | None:
    """Distinguish a quote from a paragraph that is only indented."""
    if given.get("type") == "cite" or names & _QUOTES or "gmail_quote" in names:
        # Gmail's indented paragraphs have the class in no version, its quotes in each
        return MailPart.QUOTE
    return None if _INDENT.search(style) else MailPart.BLOCKQUOTE


def _attributes(text: str) -> dict[str, str]:
    found = _ATTRIBUTE.findall(text[:_MAX_ATTRIBUTES])
    return {name.lower(): double or single or bare for name, double, single, bare in found}


def _names(given: dict[str, str]) -> set[str]:
    """Return classes, id and the like.

    Outlook on the web writes `x_` before those of other programs, Yahoo a number of its own behind.
    """
    found = " ".join(given.get(each, "") for each in _NAMING).lower().split()
    return {_NUMBERED.sub("", each.removeprefix("x_").removeprefix("x_")) for each in found}
