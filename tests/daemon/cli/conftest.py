"""Real queues for the commands that look into them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import amqp
import pytest

from connectors.amqp import topology
from tests.rooms import own_vhost

if TYPE_CHECKING:
    from collections.abc import Iterator


from tests.daemon.cli.parked_bench import SOURCE, Bench


@pytest.fixture(scope="module")
def vhost(broker_url: str) -> Iterator[str]:
    """A virtual host for this file: queues have fixed names, and are emptied after each test."""
    assert broker_url
    with own_vhost() as url:
        yield url


@pytest.fixture
def bench(vhost: str) -> Iterator[Bench]:
    bench = Bench(vhost)
    yield bench
    for queue in (topology.PARKED, SOURCE):
        with contextlib.suppress(amqp.NotFound):
            bench.broker.channel().queue_purge(queue)
    bench.broker.close()
