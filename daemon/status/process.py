"""This process, its host and its memory."""

from __future__ import annotations

import os
import secrets
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.status.snapshot import PATIENCE
from daemon.telemetry.release import RELEASE

if TYPE_CHECKING:
    from daemon.status.snapshot import Process

_UID = secrets.token_hex(8)
"""Drawn when the process starts: in containers every process may have the same number."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessIdentity:
    """This process, from its start on.

    Attributes:
        instance: Unlike any other's, now and after a restart.
    """

    def __init__(self, kind: str) -> None:
        """Note which process this is; `kind` is `daemon` or `worker`."""
        host, pid = socket.gethostname(), os.getpid()
        self.instance = f"{kind}-{host}-{pid}-{_UID}"
        self._same = {
            "instance": self.instance, "uid": _UID, "version": RELEASE, "host": host, "pid": pid,
            "since": time.time(),
        }  # fmt: skip

    def now(self, patience: int = PATIENCE) -> dict[str, Any]:
        """Return a snapshot's fields of `Process`; the next follows within `patience` seconds."""
        now = {"at": time.time(), "memory": resident_bytes(), "patience": patience}
        return self._same | now


def is_own(process: Process) -> bool:
    return process.uid == _UID


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where the system does not say."""
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) * _PAGE
