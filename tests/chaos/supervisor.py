"""Starts our processes again when they end, as systemd would."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.processes import environment, logged, start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.processes import Child

_RESTART_SECONDS = 0.2
_LOOK_SECONDS = 0.05


class Supervised:
    """One process that is wanted until `close`.

    Attributes:
        name: What it is called in the report.
        log: All that it and its successors printed.
        starts: How often it was started.
        wanted: While not, it is not started again.
    """

    def __init__(
        self, name: str, module: Sequence[str], env: Mapping[str, str], directory: Path
    ) -> None:
        """Start it, and a thread that watches it.

        Args:
            name: What it is called.
            module: A module, and its arguments.
            env: Settings.
            directory: Where its log goes.
        """
        self.name = name
        self.log = directory / f"{name}.log"
        self.starts = 0
        self.wanted = True
        self._module = list(module)
        self._env = environment(env)
        self._closing = threading.Event()
        self._popen = self._start()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Process id of the one that runs now."""
        return self._popen.pid

    def signal(self, number: int) -> None:
        """Send a signal to it and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The facts of that name which it and its successors have logged, oldest first."""
        return logged(self.log, name)

    def wait_for(self, event: str, *, count: int = 1, timeout: float = 120) -> dict[str, Any]:
        """Wait until it has logged that event so many times; return the last of them.

        Raises:
            AssertionError: The time ran out.
        """
        deadline = time.monotonic() + timeout
        while len(found := self.events(event)) < count:
            if time.monotonic() > deadline:
                tail = self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
                raise AssertionError(f"{self.name} logged no {event} in {timeout:g} s:\n{tail}")
            time.sleep(0.02)
        return found[count - 1]

    def close(self) -> None:
        """End it for good."""
        self._closing.set()
        self._thread.join()
        self.signal(signal.SIGKILL)
        self._popen.wait()

    def _start(self) -> Child:
        self.starts += 1
        return start(self._module, env=self._env, log=self.log)

    def _watch(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            if self._popen.poll() is None:
                continue
            # what its children hold must not outlive it
            self.signal(signal.SIGKILL)
            if self.wanted and not self._closing.wait(_RESTART_SECONDS):
                self._popen = self._start()
