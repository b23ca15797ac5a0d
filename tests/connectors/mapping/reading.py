"""Read one message as the mapping does."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import BadInput, Skip
from connectors.mapping import Mapper, MappingConfig
from tests.messages import delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.delivery import Delivery
    from connectors.mapping import Mapped
    from connectors.messages import Text

MAX_BODY = 1024 * 1024
MAX_TEXT = 20_000
BOUNDED_SECONDS = 10.0
"""Generous: the machine may be busy. What these tests catch takes minutes, or never ends."""


def read(
    config: MappingConfig, body: object, *, limits: dict[str, int] | None = None, **more: Any
) -> Mapped:
    """Read one message; `more` goes into its delivery."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    bounds = {"max_body_bytes": MAX_BODY, "max_text_chars": MAX_TEXT} | (limits or {})
    return Mapper(config, **bounds).read(delivery(raw, **more))


def texts(config: MappingConfig, body: object, **more: Any) -> list[str]:
    """The texts of one message that is read whole."""
    found = read(config, body, **more)
    assert found.bad is None
    return [each.content for each in found.texts]


def refused(config: MappingConfig, body: object, **more: Any) -> BadInput:
    """Why a message is parked."""
    with pytest.raises(BadInput) as bad:
        read(config, body, **more)
    return bad.value


def found_text(message: Delivery, *, max_body: int = MAX_BODY) -> Text:
    [only] = Mapper(max_body_bytes=max_body, max_text_chars=MAX_TEXT).read(message).texts
    return only


def reason(message: Delivery, *, max_body: int = MAX_BODY) -> BadInput:
    with pytest.raises(BadInput) as bad:
        found_text(message, max_body=max_body)
    return bad.value


def outcome(body: bytes, config: MappingConfig | None = None, **more: Any) -> str:
    """The reason code, also of a part, or nothing where all of it is read or skipped."""
    mapper = Mapper(config, max_body_bytes=MAX_BODY, max_text_chars=MAX_TEXT)
    try:
        bad = mapper.read(delivery(body, **more)).bad
    except BadInput as reason:
        return reason.code
    except Skip:
        return ""
    return bad.code if bad else ""


def text_of(body: bytes, **properties: Any) -> str:
    return found_text(delivery(body, **properties)).content


def within(seconds: float, call: Callable[[], object]) -> None:
    begun = time.monotonic()
    call()
    assert time.monotonic() - begun < seconds
