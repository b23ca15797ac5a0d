"""Deliveries for the tests of what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping


class Desk:
    """Keeps the tags that were settled with it."""

    live = True

    def __init__(self) -> None:
        self.settled: list[int] = []

    def settle(self, tag: int) -> None:
        self.settled.append(tag)


def delivery(
    body: bytes,
    *,
    headers: Mapping[str, Any] | None = None,
    desk: Desk | None = None,
    tag: int = 1,
    exchange: str = "sentiment.input",
    **properties: Any,
) -> Delivery:
    """One delivery; `properties` have py-amqp's names."""
    if headers is not None:
        properties["application_headers"] = dict(headers)
    return Delivery(
        desk or Desk(),
        tag,
        connector="input",
        body=body,
        properties=properties,
        exchange=exchange,
        routing_key="some.key",
        redelivered=False,
    )
