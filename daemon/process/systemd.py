"""Tell the supervisor how we are: sd_notify(3)'s datagrams. Where none listens, nothing is sent."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_STATUS_CHARS = 400
_PATIENCE_SECONDS = 45.0
"""As `WatchdogSec=` of our units, where no watchdog says how long it waits."""

_log = structlog.get_logger(__name__)


class Supervisor:
    """systemd, or another supervisor that listens on `$NOTIFY_SOCKET`.

    Attributes:
        watchdog_seconds: How long it waits for a `feed`; 0 where it does not wait for any.
        can_work: Whether the process can do its work now; asked by readiness probes.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Read sd_notify's and sd_watchdog_enabled's variables."""
        path = environ.get("NOTIFY_SOCKET", "")
        # an address in the abstract namespace is written with @ for its first byte
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._is_ready = False
        self._said = ""
        self.can_work = False
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(microseconds) / 1e6 if ours and microseconds.isdigit() else 0.0
        self._due = 0.0
        self._await(0.0)

    def __bool__(self) -> bool:
        return bool(self._address)

    def starting(self, seconds: float, status: str) -> None:
        """The next step of the start may take so long, whatever the unit says."""
        self._await(seconds)
        self._tell(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}", _status(status))

    def ready(self, status: str) -> None:
        """The work has begun, or goes on after `reloading`."""
        self._is_ready = self.can_work = True
        self._tell("READY=1", _status(status))

    def reloading(self) -> None:
        """New settings are being loaded; `ready` or `resume` ends it."""
        if self._is_ready:
            self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def resume(self, status: str) -> None:
        """All is as it was before `reloading`, ready or not."""
        if self._is_ready:
            self._tell("READY=1", _status(status))
        else:
            self.status(status)

    def stopping(self, seconds: float, status: str) -> None:
        """The end has begun, and may take so long, whatever the unit says."""
        self.can_work = False
        self._tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}", _status(status))

    def status(self, text: str) -> None:
        """One line for the person who asks `systemctl status`; told where it has changed."""
        if text != self._said:
            self._said = text
            self._tell(_status(text))

    def feed(self) -> None:
        """Say that there is progress, or honestly nothing to do."""
        self._await(0.0)
        if self.watchdog_seconds:
            self._tell("WATCHDOG=1")

    @property
    def fed_in_time(self) -> bool:
        """Whether a watchdog would leave the process running; asked by the probes of containers."""
        return time.monotonic() < self._due

    def _await(self, seconds: float) -> None:
        """Expect the next sign of life so much later, or as a watchdog does."""
        patience = seconds or self.watchdog_seconds or _PATIENCE_SECONDS
        self._due = time.monotonic() + patience

    def _tell(self, *lines: str) -> None:
        if len(lines) > 1:
            # another status has been shown meanwhile
            self._said = ""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.connect(self._address)
                out.send("\n".join(lines).encode(errors="replace"))
        except OSError as error:
            # a supervisor that does not listen finds out by itself: nothing arrives
            _log.debug("supervisor_deaf", error=str(error))


def _status(text: str) -> str:
    return "STATUS=" + " ".join(text.split())[:_MAX_STATUS_CHARS]
