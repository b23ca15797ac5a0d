"""What `tonebus topology export` prints is what RabbitMQ's own tools take."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from daemon.cli import tonebus

if TYPE_CHECKING:
    from tests.daemon.checks.conftest import Room


def run(room: Room, *arguments: str) -> str:
    environment: dict[str, Any] = {"TONEBUS_BROKER_URL": room.url}
    result = CliRunner().invoke(tonebus, ["topology", *arguments], env=environment)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_management_api_takes_the_definitions(room: Room) -> None:
    room.call("POST", "definitions", json.loads(run(room, "export")))
    run(room, "verify")


def test_rabbitmqctl_takes_the_definitions(room: Room) -> None:
    file = room.node.directory / "tonebus.json"
    file.write_text(run(room, "export"), encoding="utf-8")
    where = room.node.version.inside(room.node.directory)
    room.node.ctl("import_definitions", str(where / file.name))
    run(room, "verify")


def test_rabbitmqadmin_before_version_2_takes_the_commands(room: Room) -> None:
    program = shutil.which("rabbitmqadmin")
    if not program or "v2" in _help(program):
        pytest.skip("there is no rabbitmqadmin of RabbitMQ before 4.3 here")
    port = room.node.management_url.rpartition(":")[2]
    for line in run(room, "export", "--format", "rabbitmqadmin").splitlines():
        _, *arguments = shlex.split(line)
        subprocess.run([program, "--port", port, *arguments], check=True, capture_output=True)
    run(room, "verify")


def test_the_commands_for_rabbitmqadmin_2_say_the_same(room: Room) -> None:
    """It is a program of its own, and not packaged: its options are read as it documents them."""
    told: dict[str, list[dict[str, Any]]] = {"exchange": [], "queue": [], "binding": []}
    for line in run(room, "export", "--format", "rabbitmqadmin-v2").splitlines():
        program, _, vhost, declare, kind, *options = shlex.split(line)
        assert (program, vhost, declare) == ("rabbitmqadmin", room.vhost, "declare")
        told[kind].append(dict(zip(options[::2], options[1::2], strict=True)))
    for each in told["exchange"]:
        body = {
            "type": each["--type"],
            "durable": json.loads(each["--durable"]),
            "arguments": json.loads(each["--arguments"]),
        }
        room.call("PUT", f"exchanges/{room.vhost}/{each['--name']}", body)
    for each in told["queue"]:
        arguments = json.loads(each["--arguments"]) | {"x-queue-type": each["--type"]}
        body = {"durable": json.loads(each["--durable"]), "arguments": arguments}
        room.call("PUT", f"queues/{room.vhost}/{each['--name']}", body)
    for each in told["binding"]:
        assert each["--destination-type"] == "queue"
        path = f"{each['--source']}/q/{each['--destination']}"
        room.call("POST", f"bindings/{room.vhost}/e/{path}", {"routing_key": each["--routing-key"]})
    run(room, "verify")


def _help(program: str) -> str:
    return subprocess.run([program, "--help"], check=False, capture_output=True, text=True).stdout
