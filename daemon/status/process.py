"""This process, its host and its memory."""

from __future__ import annotations

import os
import secrets
import socket
import time
from pathlib import Path

from daemon.status.snapshot import PATIENCE, Process
from daemon.telemetry.release import RELEASE

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
        self._host = socket.gethostname()
        self._pid = os.getpid()
        self._since = time.time()
        self._version = RELEASE
        self.instance = f"{kind}-{self._host}-{self._pid}-{_UID}"

    def now(self, patience: int = PATIENCE) -> Process:
        """Return what a snapshot begins with; the next one follows within `patience` seconds."""
        return Process(
            instance=self.instance,
            uid=_UID,
            version=self._version,
            host=self._host,
            pid=self._pid,
            since=self._since,
            at=time.time(),
            memory=resident_bytes(),
            patience=patience,
        )


def is_own(process: Process) -> bool:
    """Whether it is this process."""
    return process.uid == _UID


def resident_bytes() -> int:
    """Memory of this process that is in RAM; 0 where the system does not say."""
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) * _PAGE
