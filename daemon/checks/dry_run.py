"""What would become of a message, without a broker.

For `tonebus try` and `tonebus check --tests`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from connectors.delivery import Delivery
from connectors.errors import BadInput, Skip
from connectors.messages import Text  # noqa: TC001 - msgspec reads it at run time
from daemon.process import wiring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from daemon.settings import ConnectorSettings, ConnectorTest, Settings

ROUTING_KEY = "tonebus.try"


class DryRun(msgspec.Struct, frozen=True):
    """What the mapping makes of a message.

    Attributes:
        skip: Why it asks for no event; empty where it does.
        park: Reason code with which it, or a part of it, would be parked; empty where it is not.
    """

    texts: list[Text] = []
    skip: str = ""
    park: str = ""
    detail: str = ""


class Nobody:
    """A source that nothing came from."""

    live = True

    def settle(self, tag: int) -> None:
        """There is nothing to settle."""


NOBODY = Nobody()


def delivery(
    connector: ConnectorSettings, body: bytes, *, routing_key: str = ROUTING_KEY,
    headers: Mapping[str, Any] | None = None, **properties: str,
) -> Delivery:  # fmt: skip
    """Return a message as if it had come from a connector's queue.

    The other properties have py-amqp's names; empty ones are not set.
    """
    given: dict[str, Any] = {name: value for name, value in properties.items() if value}
    if headers:
        given["application_headers"] = dict(headers)
    return Delivery(
        NOBODY, 0, connector=connector.name, body=body, properties=given,
        exchange=connector.exchange, routing_key=routing_key, redelivered=False,
    )  # fmt: skip


def outcome(settings: Settings, connector: ConnectorSettings, message: Delivery) -> DryRun:
    try:
        mapped = wiring.mapper(settings, connector).read(message)
    except BadInput as bad:
        return DryRun(park=bad.code, detail=bad.detail)
    except Skip as skip:
        return DryRun(skip=str(skip))
    if mapped.bad:
        return DryRun(mapped.texts, park=mapped.bad.code, detail=mapped.bad.detail)
    return DryRun(mapped.texts)


def shortcomings(
    settings: Settings, connector: ConnectorSettings, test: ConnectorTest, folder: Path
) -> list[str]:
    """Run one of a connector's tests; return where the outcome differs from what is expected.

    Files that the test names are in the folder.
    """
    try:
        body = (folder / test.file).read_bytes() if test.file else _body(test.message)
    except OSError as error:
        return [f"file {test.file!r} cannot be read: {error.strerror}"]
    message = delivery(
        connector, body, headers=test.headers,
        content_type=test.content_type, message_id=test.message_id,
    )  # fmt: skip
    return list(_differences(test, outcome(settings, connector, message)))


def _body(message: object) -> bytes:
    return message.encode() if isinstance(message, str) else msgspec.json.encode(message)


def _differences(test: ConnectorTest, came: DryRun) -> Iterator[str]:
    if came.park != test.park:
        yield f"park: expected {test.park!r}, came {came.park!r} ({came.detail})"
    if came.skip != test.skip:
        yield f"skip: expected {test.skip!r}, came {came.skip!r}"
    found = came.texts
    if test.texts is not None and [each.content for each in found] != list(test.texts):
        yield f"texts: expected {list(test.texts)!r}, came {[each.content for each in found]!r}"
    if test.ids is not None and [each.subject for each in found] != list(test.ids):
        yield f"ids: expected {list(test.ids)!r}, came {[each.subject for each in found]!r}"
    for each in found:
        if test.carried is not None and each.carried != test.carried:
            yield f"carried: expected {test.carried!r}, came {each.carried!r}"
        if test.language is not None and each.language != test.language:
            yield f"language: expected {test.language!r}, came {each.language!r}"
