"""An e-mail as it travels (RFC 5322, MIME), as a document: its text, and what stands above it."""

from __future__ import annotations

import re
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
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

_LABEL = re.compile(
    rb"^content-[a-z-]{1,40}+:[^\n]*+(?:\n[ \t][^\n]*+)*+", re.IGNORECASE | re.MULTILINE
)
_NESTED = re.compile(rb"^content-type:\s*+(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_HEADERS = {
    "message-id": "id", "subject": "subject", "from": "from", "to": "to", "date": "date",
    "in-reply-to": "in_reply_to", "content-language": "language",
}  # fmt: skip

_parser = BytesParser(policy=policy.compat32)


class _Part(NamedTuple):
    """A part that may be read.

    Attributes:
        text: Decoded.
        html: Whether its label says that it is HTML.
    """

    text: str
    html: bool


def cost(body: bytes) -> int:
    """Return the steps that reading a mail takes: each line is tried on every boundary above."""
    lines = body.count(b"\n") + body.count(b"\r")
    return lines * (3 + len(_NESTED.findall(body))) // _LINES_A_STEP


def read_mail(body: bytes) -> dict[str, str]:
    """Return a mail as a document; what it does not have is an empty string, or left out.

    Its members are `text`, the HTML if a reader sees anything in it, else the plain text; `html`
    and `plain`; and, of the headers, `id`, `subject`, `from`, `to`, `date` (ISO 8601),
    `in_reply_to` and `language`.

    Raises:
        BadInput: `mail`: it has too many parts, too long labels, or no headers at all.
    """
    if len(_NESTED.findall(body)) > _MAX_MULTIPARTS:
        raise BadInput("mail", f"over {_MAX_MULTIPARTS} parts that hold others")
    if any(len(each[0]) > _MAX_LABEL_BYTES for each in _LABEL.finditer(body)):
        # the standard library takes quadratic time to read one
        raise BadInput("mail", f"a label of a part over {_MAX_LABEL_BYTES} bytes")
    message = _parser.parsebytes(body)
    if not message.keys():
        raise BadInput("mail", "it begins with no header")
    parts = _readable(message)
    html = "\n".join(each.text for each in parts if each.html)
    plain = "\n\n".join(each.text for each in parts if not each.html)
    text = html if _seen(html) else plain
    return {"text": text, "html": html, "plain": plain} | dict(_headers(message))


def _readable(message: Message) -> list[_Part]:
    """Return the parts to read; those of an attached mail where there are no others."""
    found: list[_Part] = []
    attached: list[Message] = []
    for number, part in enumerate(_leaves(message, attached)):
        if number == _MAX_PARTS:
            raise BadInput("mail", f"over {_MAX_PARTS} parts")
        kind = part.get_content_type()
        if kind in {"text/plain", "text/html"}:
            found.append(_Part(_text(part), html=kind == "text/html"))
    if not any(each.text.strip() for each in found) and attached:
        return _readable(attached[0])
    return found


def _leaves(message: Message, attached: list[Message]) -> Iterator[Message]:
    """Yield the parts that hold no others and are no attachments; collect attached mails."""
    open_parts = [message]
    while open_parts:
        part = open_parts.pop()
        inside = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(inside, list):
            attached += [each for each in inside if isinstance(each, Message)]
        elif part.get_content_disposition() == "attachment":
            continue
        elif isinstance(inside, list):
            kept = [each for each in inside if isinstance(each, Message)]
            if part.get_content_subtype() in {"related", "signed"}:
                del kept[1:]
            open_parts += reversed(kept)
        elif part is message or not part.get_filename():
            yield part


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    text = decoded(payload if isinstance(payload, bytes) else b"", _parameter(part, "charset"))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if part.get_content_type() == "text/plain" and _parameter(part, "format") == "flowed":
        return unflowed(text, delete_space=_parameter(part, "delsp") == "yes")
    return text


def _parameter(part: Message, name: str) -> str:
    value = part.get_param(name)
    return value.strip().lower() if isinstance(value, str) else ""


def _seen(html: str) -> bool:
    """Whether a reader of HTML sees any text."""
    for number, token in enumerate(tokens(html)):
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
