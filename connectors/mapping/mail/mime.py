"""Read an e-mail as it is sent (RFC 5322, MIME) into a document: its text and its headers."""

from __future__ import annotations

import codecs
import re
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import BadInput
from connectors.mapping.mail.charsets import decoded
from connectors.mapping.mail.flowed import unflowed
from connectors.mapping.mail.tokens import Text, tokens, unescaped

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_PARTS = 200
_MAX_MULTIPARTS = 40
_MAX_LABEL_BYTES = 1_000
_MAX_HEADER_CHARS = 1_000
_MAX_TOKENS = 2_000
_LINES_A_STEP = 10

# the standard library takes a lone carriage return for a line's end too
_LABEL = re.compile(
    rb"(?:^|[\r\n])content-[a-z-]{1,40}+:[^\r\n]*+(?:(?:\r\n?|\n)[ \t][^\r\n]*+)*+",
    re.IGNORECASE,
)
_NESTED = re.compile(rb"(?:^|[\r\n])content-type:\s*+(?:multipart|message)/", re.IGNORECASE)
_HEADERS = {
    "message-id": "id", "subject": "subject", "from": "from", "to": "to", "date": "date",
    "in-reply-to": "in_reply_to", "content-language": "language",
    "auto-submitted": "auto_submitted",
}  # fmt: skip

_READ = frozenset({"text/plain", "text/html"})
_DATA = frozenset({
    "text/calendar", "text/css", "text/csv", "text/directory", "text/javascript", "text/richtext",
    "text/rtf", "text/vcard", "text/x-amp-html", "text/x-vcalendar", "text/x-vcard", "text/xml",
    "text/rfc822-headers",
})  # fmt: skip
"""Types that no reader reads as they are."""

_SEALED = frozenset({
    "application/pkcs7-mime", "application/x-pkcs7-mime", "application/ms-tnef",
    "multipart/encrypted",
})  # fmt: skip
"""A mail of these types has a text, but in a form that only other programs read."""
_META = re.compile(rb"<meta\s[^<>]{0,200}?\bcharset\s*+=\s*+[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_BEGINNING = 2_000
"""Bytes of a page in which it must name its charset."""

_parser = BytesParser(policy=policy.compat32)


class _Part(NamedTuple):
    """A part that may be read.

    Attributes:
        text: Decoded.
        html: Whether it is labelled HTML.
    """

    text: str
    html: bool


def cost(body: bytes) -> int:
    """Return the steps that reading a mail takes: each line is tried on every boundary above."""
    lines = body.count(b"\n") + body.count(b"\r")
    return lines * (3 + len(_NESTED.findall(body))) // _LINES_A_STEP


def read_mail(body: bytes) -> dict[str, str]:
    """Return a mail as a document; what it does not have is an empty string, or left out.

    Its members are `text`, which a reader sees: of alternatives the HTML, if anything is in it;
    `html` and `plain`, each kind for itself; and, of the headers, `id`, `subject`, `from`, `to`,
    `date` (ISO 8601), `in_reply_to`, `auto_submitted` and `language`.

    Raises:
        BadInput: `mail`: it has too many parts, too long labels, or no headers at all; or its words
            are encrypted.
    """
    body = body.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    if len(_NESTED.findall(body)) > _MAX_MULTIPARTS:
        raise BadInput("mail", f"over {_MAX_MULTIPARTS} parts that hold others")
    if any(len(each[0]) > _MAX_LABEL_BYTES for each in _LABEL.finditer(body)):
        # the standard library takes quadratic time to read one
        raise BadInput("mail", f"a label of a part over {_MAX_LABEL_BYTES} bytes")
    message = _parser.parsebytes(body)
    if not message.keys():
        raise BadInput("mail", "it begins with no header")
    content = _Content(message)
    if message.get_content_type() in _SEALED and not any(map(_seen, content.shown)):
        raise BadInput("mail", f"{message.get_content_type()}: its text cannot be read")
    return {
        "text": _joined(content.shown),
        "html": _joined([each for each in content.all if each.html]),
        "plain": _joined([each for each in content.all if not each.html]),
    } | dict(_headers(message))


class _Content:
    """What there is to read in a mail.

    Attributes:
        all: Every part that is text and no attachment, in order.
        shown: Those that a reader sees: of alternatives the last with anything in it, since the
            richest comes last (RFC 2046, section 5.1.4). Where there are none, the first text that
            is shown inline as a file or is of an unknown kind, as it is (section 4.1.4), else those
            of the first attached mail.
    """

    def __init__(self, message: Message) -> None:
        self.all: list[_Part] = []
        self._attached: list[Message] = []
        self._others: list[_Part] = []
        self.shown = self._read(message, first=True)
        if not any(map(_seen, self.shown)):
            self.shown = self._others[:1] or self.shown
        if not any(map(_seen, self.shown)) and self._attached:
            self.shown = self._read(self._attached[0], first=True)

    def _read(self, part: Message, *, first: bool = False) -> list[_Part]:
        """Return what is shown of a part; `first` is the mail itself, which is no attachment."""
        kind, children = part.get_content_type(), _parts_in(part)
        if kind == "message/rfc822" and not first:
            self._attached += children
            return []
        if not first and (part.get_content_disposition() == "attachment" or part.get_filename()):
            if part.get_content_disposition() == "inline" and kind in _READ and not self._others:
                self._others.append(_Part(_text(part), html=kind == "text/html"))
            return []
        if kind == "multipart/alternative":
            options = [self._read(each) for each in children]
            return next((each for each in reversed(options) if any(map(_seen, each))), [])
        if kind in {"multipart/related", "multipart/signed"}:
            children = children[:1]
        if children:
            return [shown for each in children for shown in self._read(each)]
        if kind not in _READ:
            if kind.startswith("text/") and kind not in _DATA and not self._others:
                self._others.append(_Part(_text(part), html=False))
            return []
        if len(self.all) == _MAX_PARTS:
            raise BadInput("mail", f"over {_MAX_PARTS} parts")
        self.all.append(_Part(_text(part), html=kind == "text/html"))
        return self.all[-1:]


def _parts_in(part: Message) -> list[Message]:
    inside = part.get_payload()
    if not isinstance(inside, list):
        return []
    return [each for each in inside if isinstance(each, Message)]


def _joined(parts: list[_Part]) -> str:
    """Return parts as one text; as HTML, if any of them is."""
    if any(each.html for each in parts):
        return "\n".join(
            each.text if each.html else f"<pre>{escape(each.text)}</pre>" for each in parts
        )
    return "\n\n".join(each.text for each in parts)


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    charset = _parameter(part, "charset")
    if not charset and (named := _META.search(data, 0, _BEGINNING)):
        charset = named[1].decode("ascii", "replace")
    text = decoded(data, charset).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if part.get_content_type() == "text/plain" and _parameter(part, "format") == "flowed":
        return unflowed(text, delete_space=_parameter(part, "delsp") == "yes")
    return text


def _parameter(part: Message, name: str) -> str:
    value = part.get_param(name)
    return value.strip().lower() if isinstance(value, str) else ""


def _seen(part: _Part) -> bool:
    """Whether a reader of a part sees any text."""
    if not part.html:
        return bool(part.text.strip())
    for number, token in enumerate(tokens(part.text)):
        if number == _MAX_TOKENS:
            return True
        if isinstance(token, Text) and unescaped(token.text).strip():
            return True
    return False


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    for name, raw in message.raw_items():
        member = _HEADERS.get(name.lower())
        if member:
            value = _words(str(raw)[:_MAX_HEADER_CHARS])
            yield member, _iso(value) if member == "date" else value


def _words(raw: str) -> str:
    """Return a header with its encoded words (RFC 2047) decoded."""
    bare = decoded(
        raw.encode("ascii", "surrogateescape") if not raw.isascii() else raw.encode(), ""
    )
    try:
        pieces = decode_header(bare)
    except HeaderParseError:
        return bare
    text = "".join(
        each if isinstance(each, str) else decoded(each, charset or "") for each, charset in pieces
    )
    return " ".join(text.split())


def _iso(date: str) -> str:
    try:
        return parsedate_to_datetime(date).isoformat()
    except (ValueError, TypeError, OverflowError):
        return date
