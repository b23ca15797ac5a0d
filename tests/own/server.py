"""A server process that a test starts, kills, pauses and starts again on the same data."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import time
from typing import TYPE_CHECKING

from tests.processes import spawn
from tests.servers import ServerMissingError

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 300.0
"""RabbitMQ takes ten seconds, and two minutes where many processes want the same processors."""


def free_port() -> int:
    """A port below the range that the kernel gives to clients, so that it stays free in between."""
    while True:
        port = random.randint(20_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port


class Server:
    """A server process that can be killed, paused and started again on the same data.

    Attributes:
        url: Where it listens.
    """

    url: str

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it, and do not wait."""
        log = self.directory / "output.log"
        self._popen = spawn(self.command(), env=self.environment(), log=log, cwd=self.directory)

    def wait(self, timeout: float = START_SECONDS) -> None:
        """Wait until it answers.

        Raises:
            ServerMissingError: It ended, or does not answer in time; its output says why.
        """
        deadline = time.monotonic() + timeout
        while not self.answers():
            assert self._popen
            code = self._popen.poll()
            if code is not None or time.monotonic() > deadline:
                log = (self.directory / "output.log").read_text(errors="replace")
                raise ServerMissingError(f"{self.directory.name} did not start ({code}):\n{log}")
            time.sleep(0.1)

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def answers(self) -> bool:
        raise NotImplementedError

    def signal(self, number: int) -> None:
        """Send a signal to the server and its children."""
        if self._popen:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)

    def kill(self) -> None:
        """End it without warning."""
        self.signal(signal.SIGKILL)
        if self._popen:
            self._popen.wait()

    def close(self) -> None:
        """End it for good."""
        self.kill()
