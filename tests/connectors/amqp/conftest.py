from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.connectors.amqp.line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def line(broker_url: str) -> Iterator[Line]:
    made = Line(broker_url)
    yield made
    made.delete()
    for broker in made.brokers:
        broker.drop()
