"""What a body holds, once it is known how to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import BadInput
from connectors.mapping import amqp_value
from connectors.mapping.documents import parse, read, recognised, text_of
from connectors.mapping.labels import Reading
from connectors.mapping.mail import STEPS_OF_CLEANING, cost, read_mail

if TYPE_CHECKING:
    from connectors.delivery import Delivery
    from connectors.mapping.bounds import Work


def opened(
    delivery: Delivery, reading: Reading, work: Work, *, is_event: bool = False
) -> tuple[object, bool]:
    """Return JSON or a text, and whether it came as a text.

    Raises:
        BadInput: The body is empty, not UTF-8, or not what it is to be read as.
    """
    body = delivery.body
    if body[:1] == b"\0" and delivery.properties.get("type") == amqp_value.TYPE:
        value = amqp_value.decode(body, work)
        if not isinstance(value, bytes | str):
            return value, False
        if isinstance(value, str) and not delivery.properties.get("content_type"):
            # its type says that it is text, as of a JMS TextMessage
            reading = Reading.TEXT_OR_JSON if reading is Reading.JSON else reading
        body = value if isinstance(value, bytes) else value.encode()
    if reading is Reading.JSON:
        return _data(text_of(body)) if is_event else (_document(text_of(body)), False)
    if reading in {Reading.MAIL, Reading.TEXT_OF_MAIL}:
        work.spend(cost(body) * STEPS_OF_CLEANING)
        mail = read_mail(body)
        return (mail, False) if reading is Reading.MAIL else (mail["text"], True)
    if reading is Reading.JSON_OR_NOTHING:
        return _json(body, str(delivery.properties.get("content_type"))), False
    text = text_of(body)
    if reading is Reading.TEXT:
        return text, True
    found = read(text)
    return found, isinstance(found, str)


def _document(text: str) -> object:
    found = parse(text)
    return recognised(found) if isinstance(found, str) else found


def _data(text: str) -> tuple[object, bool]:
    """Read the data of an event: SDKs write text as it is, under JSON's name or none."""
    try:
        return parse(text), False
    except BadInput:
        if text.lstrip().startswith(("{", "[", '"')):
            raise
        return text, True


def _json(body: bytes, label: str) -> object:
    try:
        found = recognised(text_of(body))
    except BadInput as bad:
        if bad.code != "encoding":
            raise
        found = ""
    if isinstance(found, str):
        raise BadInput("content-type", f"{label[:80]!r}, and the body is not JSON")
    return found
