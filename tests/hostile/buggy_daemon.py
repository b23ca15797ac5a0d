"""A daemon with a bug that no message causes: a number that no frame can hold.

`python -m tests.hostile.buggy_daemon`; the settings would refuse such a number.
"""

from __future__ import annotations

import sys

import msgspec

from daemon import settings
from daemon.process import reloading
from daemon.status import incidents
from daemon.telemetry import logs


def load() -> settings.Settings:
    """Read the settings, and spoil them once they are read."""
    read = settings.load()
    endless = msgspec.structs.replace(read.daemon, score_timeout=float("inf"))
    return msgspec.structs.replace(read, daemon=endless)


def main() -> int:
    """Run as `tonebus daemon` does."""
    configuration = settings.load()
    logs.configure(configuration.log.format, configuration.log.level, incidents.remember)
    return reloading.run(load)


if __name__ == "__main__":
    sys.exit(main())
