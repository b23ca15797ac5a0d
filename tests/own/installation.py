"""The RabbitMQ that a test's own nodes run: the machine's, or a named version in a root of its own.

`TEST_RABBITMQ` names the version, as `scripts/rabbitmq.sh` does; empty is the machine's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.processes import ROOT
from tests.servers import ServerMissingError

VERSION = os.environ.get("TEST_RABBITMQ", "")
_SCRIPTS = Path("/usr/lib/rabbitmq/bin")
"""Debian's own `rabbitmqctl` would change to the user of the system's node."""
_IN_ROOT = ROOT / "scripts" / "in_root.sh"
_INSTALL_SECONDS = 900


class Installation(NamedTuple):
    """Where RabbitMQ's programs are.

    Attributes:
        root: A directory that holds a whole system; None is this machine's.
    """

    root: Path | None

    def command(self, directory: Path, program: str, *arguments: str) -> list[str]:
        """Return the command line that runs a program with that directory at `inside`."""
        if self.root is None:
            return [_script(program), *arguments]
        path = program if program == "epmd" else str(_SCRIPTS / program)
        return [str(_IN_ROOT), str(self.root), str(directory), path, *arguments]

    def inside(self, directory: Path) -> Path:
        """Return the path under which the programs see the directory given to `command`."""
        return directory if self.root is None else Path("/mnt")


def installation(version: str = VERSION) -> Installation:
    """Find a version, and get it where it is not here yet.

    Raises:
        ServerMissingError: It cannot be had; the message says why.
    """
    if not version:
        return Installation(None)
    done = subprocess.run(
        [ROOT / "scripts" / "rabbitmq.sh", "install", version],
        check=False, capture_output=True, text=True, timeout=_INSTALL_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise ServerMissingError(done.stderr.strip())
    root = done.stdout.strip()
    return Installation(Path(root) if root else None)


def _script(name: str) -> str:
    path = _SCRIPTS / name
    if path.exists():
        return str(path)
    found = shutil.which(name)
    if not found:
        raise ServerMissingError(f"{name} is not installed")
    return found
