"""A node that outlives this command, for `scripts/rabbitmq.sh`: start, running, stop and ctl."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.own.installation import installation
from tests.own.rabbitmq import Address, OwnRabbit, rabbitmqctl
from tests.servers import ServerMissingError, answers, check_broker

_EX_UNAVAILABLE = 69


class Node(msgspec.Struct, frozen=True):
    """A node that runs, as it is kept in a file beside its data.

    Attributes:
        groups: Its process groups.
    """

    url: str
    management_url: str
    address: Address
    groups: list[int]

    @classmethod
    def read(cls, directory: Path) -> Node | None:
        try:
            return msgspec.json.decode((directory / "node.json").read_bytes(), type=cls)
        except FileNotFoundError:
            return None

    def answers(self) -> bool:
        return answers(check_broker, self.url)


def start(version: str, directory: Path) -> Node:
    """Start it, unless it runs."""
    found = Node.read(directory)
    if found and found.answers():
        return found
    stop(directory)
    own = OwnRabbit(directory, version=installation(version), management=True)
    try:
        own.start()
    except BaseException:
        own.close()
        shutil.rmtree(directory, ignore_errors=True)
        raise
    node = Node(own.url, own.management_url, own.address, own.processes())
    (directory / "node.json").write_bytes(msgspec.json.encode(node))
    return node


def stop(directory: Path) -> None:
    """End it and delete its data, whatever state both are in."""
    if node := Node.read(directory):
        for group in node.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
    shutil.rmtree(directory, ignore_errors=True)


def main() -> int:
    """Do what the command line says; it is `scripts/rabbitmq.sh`'s."""
    command, version, *arguments = sys.argv[1:]
    directory = Path(os.environ["TEST_RABBITMQ_NODES"]) / f"{version}.node"
    try:
        if command == "start":
            node = start(version, directory)
            print(f"TEST_RABBITMQ={version}")
            print(f"TONEBUS_BROKER_URL={node.url}")
            print(f"TEST_RABBITMQ_MANAGEMENT={node.management_url}")
        elif command == "stop":
            stop(directory)
        elif command == "running":
            found = Node.read(directory)
            return 0 if found and found.answers() else 1
        else:
            found = Node.read(directory)
            if found is None:
                raise ServerMissingError(f"RabbitMQ {version} was not started")  # noqa: TRY301 - reported below
            print(rabbitmqctl(installation(version), directory, found.address, *arguments), end="")
    except ServerMissingError as error:
        print(error, file=sys.stderr)
        return _EX_UNAVAILABLE
    except subprocess.CalledProcessError as error:
        print(error.stderr.strip(), file=sys.stderr)
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
