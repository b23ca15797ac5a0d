"""One booted machine for all tests of this folder that want it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests import models
from tests.own.server import free_port
from tests.systemd.machine import Machine, booted, missing
from tests.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_QUICK = "[Service]\nWatchdogSec=8\nTimeoutAbortSec=2\nRestartSec=1\n"


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A systemd with Tonebus installed, and nothing started."""
    if why := missing():
        pytest.skip(f"no systemd can be booted here: {why}")
    with booted() as found:
        yield found


@pytest.fixture(scope="module")
def settings(model_directory: Path) -> str:
    """The configuration file of the machine."""
    # the worker's watchdog waits 15 s longer than its longest task
    quick = "\n[daemon]\nscore_timeout = 5\n"
    return models.toml(model_directory).replace(str(model_directory), "/opt/model") + quick


@pytest.fixture(scope="module")
def api_port() -> int:
    """Where the API is to listen."""
    return free_port()


@pytest.fixture(scope="module")
def target(
    machine: Machine,
    settings: str,
    model_directory: Path,
    own_rooms: tuple[str, str],
    api_port: int,
) -> Iterator[Machine]:
    """The same, configured, with the target enabled and started; each unit is active."""
    broker_url, redis_url = own_rooms
    shutil.copytree(model_directory, machine.root / "opt/model")
    machine.run("chmod", "-R", "a+rX", "/opt/model")
    machine.write("/etc/tonebus/tonebus.toml", settings, 0o640)
    machine.write("/etc/tonebus/credentials/broker/url", broker_url + "\n", 0o600)
    machine.write("/etc/tonebus/credentials/redis/url", redis_url + "\n", 0o600)
    machine.write("/etc/tonebus/api.environment", f"TONEBUS_API_PORT={api_port}\n")
    machine.write("/etc/systemd/system/tonebus-.service.d/quick.conf", _QUICK)
    machine.run("systemd-tmpfiles", "--create", "/usr/local/lib/tmpfiles.d/tonebus.conf")
    machine.systemctl("enable", "--now", "tonebus.target")
    for unit in ("tonebus-daemon@1", "tonebus-worker@1", "tonebus-api"):
        machine.await_state(unit, "active")
    yield machine
    machine.systemctl("stop", "tonebus.target")


@pytest.fixture(scope="module")
def own_rooms(new_vhost: Callable[[], str], _redis_database: str) -> tuple[str, str]:
    """RabbitMQ and Redis, as the processes in the machine reach them: by this host's loopback.

    The virtual host is the machine's alone: another worker there would take its texts.
    """
    return new_vhost(), _redis_database


@pytest.fixture(scope="module")
def traffic(target: Machine, own_rooms: tuple[str, str]) -> Iterator[Traffic]:
    """An upstream and a consumer, strangers to Tonebus."""
    assert target
    with Traffic(own_rooms[0]) as found:
        yield found
