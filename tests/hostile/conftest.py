"""One RabbitMQ, one Redis, one daemon and one worker for all the hostile inputs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests import models
from tests.chaos.servers import own_servers, servers_or_skip
from tests.hostile.bus import Bus
from tests.processes import Process, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.own.rabbitmq import OwnRabbit
    from tests.own.redis import OwnRedis


TIMEOUT = 5
LIMIT = 3
"""Deliveries of a message beyond the first, until RabbitMQ puts it away, in a `strict_room`."""


class Node(NamedTuple):
    """Servers of our own."""

    broker: OwnRabbit
    redis: OwnRedis


class House(NamedTuple):
    """The processes that all share, and a client."""

    env: dict[str, str]
    daemon: Process
    worker: Process
    bus: Bus


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts servers."""
    for item in items:
        if "/hostile/" in str(item.path):
            item.add_marker("broker")


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A RabbitMQ node and a Redis that may be broken."""
    with servers_or_skip(), own_servers(tmp_path_factory.mktemp("hostile") / "servers") as both:
        yield Node(*both)


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Servers where nothing may be held for long: `TIMEOUT` seconds instead of thirty minutes.

    Nor may a message be delivered often.
    """
    place = tmp_path_factory.mktemp("impatient") / "servers"
    # up to 4.2 channels look at it once a minute; one that looks each second never hibernates, and
    # remembers for ever what it allowed
    tick = "-rabbit channel_tick_interval 2000"
    waits = f"consumer_timeout = {TIMEOUT * 1000}\n"
    limit = {
        "name": "limit", "pattern": r"^sentiment\.source\.", "apply-to": "all", "priority": 0,
        "definition": {"delivery-limit": LIMIT},
    }  # fmt: skip
    with (
        servers_or_skip(),
        own_servers(place, config=waits, erlang=tick, policies=[limit]) as both,
    ):
        yield Node(*both)


@pytest.fixture(scope="session")
def config(model_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration file with the tiny model."""
    path = tmp_path_factory.mktemp("config") / "tonebus.toml"
    path.write_text(models.toml(model_directory), encoding="utf-8")
    return path


@contextmanager
def housed(env: dict[str, str], *, parked: bool = True) -> Iterator[House]:
    """A daemon, a worker and a client, ready."""
    with ExitStack() as stack:
        worker = stack.enter_context(running("worker", env=env, ready=""))
        daemon = stack.enter_context(running("daemon", env=env))
        worker.wait_for("worker_ready")
        bus = Bus(env["TONEBUS_BROKER_URL"], parked=parked)
        stack.callback(bus.close)
        yield House(env, daemon, worker, bus)


def settings(node: Node, config: Path, vhost: str = "%2F") -> dict[str, str]:
    """The variables under which a process uses these servers."""
    return {
        "TONEBUS_CONFIG": str(config),
        "TONEBUS_BROKER_URL": node.broker.url.removesuffix("%2F") + vhost,
        "TONEBUS_REDIS_URL": node.redis.url,
    }


@pytest.fixture(scope="session")
def house(node: Node, config: Path) -> Iterator[House]:
    """The daemon and the worker that everybody shares."""
    with housed(settings(node, config)) as house:
        yield house


@pytest.fixture
def bus(house: House) -> Bus:
    """A client of theirs."""
    assert house.daemon.popen.poll() is None, "the daemon has died"
    return house.bus


def own_room(node: Node, config: Path) -> dict[str, str]:
    """Settings for processes in a new virtual host; it ends with its node."""
    return settings(node, config, node.broker.new_vhost())


@pytest.fixture
def room(node: Node, config: Path) -> dict[str, str]:
    """Settings for processes in a virtual host of the test's own."""
    return own_room(node, config)


@pytest.fixture
def strict_room(impatient: Node, config: Path) -> dict[str, str]:
    """A virtual host in which nothing may be held for long, nor be delivered often."""
    return own_room(impatient, config)


def vhost_of(env: dict[str, str]) -> str:
    """The virtual host that the variables name."""
    return env["TONEBUS_BROKER_URL"].rpartition("/")[2]
