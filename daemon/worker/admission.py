"""What a worker takes from its queue: requests as our daemons write them, and nothing else.

Any client that may publish in the virtual host can write to the queue. Celery's own handling of an
unknown message would log the body, which holds texts, or end the worker; the message would then
go to the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from kombu import compression

from connectors.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kombu import Message


class _Headers(msgspec.Struct):
    """The only headers that are passed on to Celery; of the others some change what it does."""

    task: Literal["score"]
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    traceparent: str = ""
    tracestate: str = ""


class _NoArguments(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _NothingElse(msgspec.Struct, forbid_unknown_fields=True):
    callbacks: None = None
    errbacks: None = None
    chain: None = None
    chord: None = None


class _Properties(msgspec.Struct):
    reply_to: Annotated[str, msgspec.Meta(min_length=1)]


_decode_body = msgspec.json.Decoder(tuple[tuple[list[str]], _NoArguments, _NothingElse]).decode
_ENCODING = ("application/json", "utf-8")


def admit(message: Message) -> None:
    """Leave on a message only what a request has.

    Raises:
        BadInput: It is no request.
    """
    if (message.content_type, message.content_encoding) != _ENCODING:
        raise BadInput("request", "it is not JSON in UTF-8")
    try:
        headers = msgspec.convert(message.headers, _Headers)
        msgspec.convert(message.properties, _Properties)
        _decode_body(message.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadInput("request", type(error).__name__) from error
    message.headers = _passed_on(headers)


def inflate_nothing() -> None:
    """Have kombu refuse compressed bodies: it would inflate them before anybody looks at them."""
    for kind in compression.encoders():
        compression.register(_refuse, _refuse, kind)


def _passed_on(headers: _Headers) -> Mapping[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(headers).items() if value} | {
        "lang": "py", "argsrepr": "…", "kwargsrepr": "…",
    }  # fmt: skip


def _refuse(_body: bytes) -> bytes:
    raise BadInput("request", "it is compressed")
