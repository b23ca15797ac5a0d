"""A daemon that is told to read its settings anew: nothing is left of the one before."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import until

if TYPE_CHECKING:
    from tests.e2e.stage import Stage
    from tests.processes import Process

_RELOADS = 4


def descriptors(process: Process) -> Counter[str]:
    """The kinds of a process's open file descriptors, and how many of each."""
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            kinds[str(entry.readlink()).partition(":")[0]] += 1
        except FileNotFoundError:
            continue
    return kinds


def reload(process: Process, times: int) -> None:
    """Have it read its settings again, and wait until it consumes under them."""
    os.kill(process.pid, signal.SIGHUP)
    process.wait_for("daemon_ready", count=times + 1)


def test_reloads_leave_no_file_descriptor_behind(stage: Stage) -> None:
    daemon = stage.start("daemon")
    # one to RabbitMQ, one to Redis: it reports there once a second
    until(lambda: descriptors(daemon)["socket"] == 2)
    before = descriptors(daemon)
    for n in range(1, _RELOADS + 1):
        reload(daemon, n)
        until(lambda: descriptors(daemon)["socket"] >= 2)
    until(lambda: descriptors(daemon) == before, timeout=10)
    assert daemon.stop() == 0
