"""A supervisor that listens as systemd does, for the tests of what it is told."""

from __future__ import annotations

import contextlib
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Listener:
    """The other end of `$NOTIFY_SOCKET`.

    Attributes:
        address: What goes into the variable.
        heard: Every line so far, in order.
    """

    def __init__(self, ear: socket.socket, address: str) -> None:
        self._ear = ear
        self.address = address
        self.heard: list[str] = []

    def listen(self, seconds: float = 0.0) -> list[str]:
        """Take in what arrives within so many seconds; return all that was ever heard."""
        deadline = time.monotonic() + seconds
        while True:
            self._ear.settimeout(max(0.01, deadline - time.monotonic()))
            with contextlib.suppress(TimeoutError, BlockingIOError):
                self.heard += self._ear.recv(65536).decode().splitlines()
                continue
            if time.monotonic() >= deadline:
                return self.heard

    def await_line(self, start: str, *, count: int = 1, timeout: float = 60) -> str:
        """Wait for the `count`th line that starts so."""
        deadline = time.monotonic() + timeout
        while len(found := [line for line in self.heard if line.startswith(start)]) < count:
            assert time.monotonic() < deadline, f"no {start!r} in {timeout:g} s: {self.heard}"
            self.listen(0.1)
        return found[count - 1]


@contextmanager
def listener(place: Path, *, abstract: bool = False) -> Iterator[Listener]:
    """Listen at a path, or at an abstract address of that name."""
    path = str(place / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + path if abstract else path)
        yield Listener(ear, "@" + path if abstract else path)
