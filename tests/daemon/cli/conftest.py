"""Real queues for the commands that look into them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import amqp
import pytest

from connectors.amqp import topology
from tests import models
from tests.daemon.cli.checking import HELPDESK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


from tests.daemon.cli.parked_bench import SOURCE, Bench


@pytest.fixture
def file(tmp_path: Path, model_directory: Path) -> Path:
    """Settings with one connector, for `check` and `try`."""
    path = tmp_path / "tonebus.toml"
    model = models.toml(model_directory).partition("[[connectors]]")[0]
    path.write_text(model + HELPDESK, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def vhost(new_vhost: Callable[[], str]) -> str:
    """A virtual host for this file: queues have fixed names, and are emptied after each test."""
    return new_vhost()


@pytest.fixture
def bench(vhost: str) -> Iterator[Bench]:
    bench = Bench(vhost)
    yield bench
    for queue in (topology.PARKED, SOURCE):
        with contextlib.suppress(amqp.NotFound):
            bench.broker.channel().queue_purge(queue)
    bench.broker.close()
