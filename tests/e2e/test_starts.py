"""Starts that cannot work end with 78, the setting's name and the fix; never with a traceback."""

from __future__ import annotations

import socket
import urllib.parse
from typing import TYPE_CHECKING

import pytest

from tests import models
from tests.processes import ended

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SECRET = "s3cret-canary"
WRONG = {
    "a URL with options": (
        {"BROKER_URL": f"amqp://u:{SECRET}@h/v?heartbeat=30&connection_attempts=3"}, "broker.url"
    ),
    "an unencoded password": ({"REDIS_URL": f"redis://:{SECRET}/x@h/0"}, "redis.url"),
    "a number without end": ({"DAEMON_SCORE_TIMEOUT": "inf"}, "TONEBUS_DAEMON_SCORE_TIMEOUT"),
    "a missing certificate": ({"BROKER_CA_FILE": "/no/such/file"}, "broker.ca_file"),
    "a token with a blank": ({"API_TOKEN": f"{SECRET} x"}, "api.token"),
    "no such variable": ({"BROKER_URI": f"amqp://u:{SECRET}@h"}, "did you mean TONEBUS_BROKER_URL"),
    "no such file": ({"CONFIG": "/no/such/tonebus.toml"}, "/no/such/tonebus.toml"),
}  # fmt: skip


def start(command: str, file: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a process to its end."""
    given = {"CONFIG": str(file), **variables}
    return ended(command, env={f"TONEBUS_{name}": value for name, value in given.items()})


def assert_refused(done: subprocess.CompletedProcess[str], named: str) -> None:
    assert done.returncode == 78, done.stderr
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.fixture
def file(tmp_path: Path, model_directory: Path) -> Path:
    path = tmp_path / "tonebus.toml"
    path.write_text(models.toml(model_directory), encoding="utf-8")
    return path


@pytest.mark.parametrize("wrong", WRONG)
def test_a_daemon_with_wrong_settings_ends_with_their_name(file: Path, wrong: str) -> None:
    variables, named = WRONG[wrong]
    assert_refused(start("daemon", file, **variables), named)


def test_a_daemon_without_connectors_has_nothing_to_do(file: Path) -> None:
    file.write_text("connectors = []\n", encoding="utf-8")
    assert_refused(start("daemon", file), "connectors: none is given")


@pytest.mark.parametrize("command", ["worker", "api", "doctor", "check", "publish"])
def test_every_command_refuses_them_alike(file: Path, command: str) -> None:
    done = start(command, file, REDIS_URL=f"redis://:{SECRET}/x@h/0")
    # doctor and check say it on standard output, as all that they find
    done.stderr += done.stdout
    assert_refused(done, "redis.url")


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid", "a..b"])
def test_an_address_that_is_not_ours_ends_the_api_with_its_name(file: Path, host: str) -> None:
    done = start("api", file, API_HOST=host, API_TOKEN="token")
    assert_refused(done, f"api.host {host!r}")
    assert "TONEBUS_API_HOST" in done.stderr


def test_a_port_that_is_taken_ends_the_api_with_its_name(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(
            start("api", file, API_PORT=port), f"api.port {port}: Address already in use"
        )


def test_a_wrong_password_ends_a_command_as_it_ends_a_process(
    broker_url: str, tmp_path: Path
) -> None:
    url = urllib.parse.urlsplit(broker_url)
    place = f"guest:{SECRET}@{url.hostname}:{url.port or 5672}"
    done = start("tail", tmp_path, CONFIG="", BROKER_URL=url._replace(netloc=place).geturl())
    assert_refused(done, "check the user, password")
