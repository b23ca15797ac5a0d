"""A systemd of our own, with Tonebus installed by `make install`'s script."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.systemd.installing import ROOT
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BOOT = Path(__file__).parent / "boot.sh"
# Beside the one of the second version; `boot.sh` makes a group of our own in each.
_FIRST_VERSION = ("none,name=systemd", "memory", "devices", "pids", "cpu", "cpuacct", "blkio")
_HIERARCHIES = ("cgroup2", *(f"cgroup -o {name}" for name in _FIRST_VERSION))
_NEEDED = ("unshare", "nsenter", "systemctl", "journalctl")


def missing() -> str:
    """Why no systemd can be booted here; empty where it can."""
    if os.geteuid() != 0:
        return "only root may boot a systemd"
    if absent := [tool for tool in _NEEDED if not shutil.which(tool)]:
        return f"not installed: {', '.join(absent)}"
    probe = (
        "mount -t tmpfs t /mnt && mkdir /mnt/u /mnt/w && umount -R /sys/fs/cgroup && "
        "mount -t cgroup2 c /sys/fs/cgroup && mount -t overlay o "
        "-o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc"
    )
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", probe],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return f"namespaces, cgroups or overlays: {done.stderr.strip()}" if done.returncode else ""


class Machine:
    """A booted systemd.

    Attributes:
        root: Its files, as seen from here.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.root = Path(f"/proc/{pid}/root")

    def run(self, *command: str, check: bool = True, timeout: float = 120) -> str:
        """Run a command in it; return what it printed."""
        done = subprocess.run(
            ["nsenter", "-t", str(self._pid), "-m", "-p", "-i", "-u", "-C", *command],
            check=False, capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        if check and done.returncode:
            journal = self.run("journalctl", "--no-pager", "-n", "40", check=False)
            raise AssertionError(f"{' '.join(command)}: {done.stdout}{done.stderr}{journal}")
        return done.stdout

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        return self.run("systemctl", "--no-pager", *arguments, check=check)

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.systemctl("show", "--value", "--property", name, unit).strip()

    def until(self, holds: Callable[[], object], *, timeout: float = 90) -> None:
        """Wait until something holds; on failure the journal tells why it did not."""
        try:
            until(holds, lambda: time.sleep(0.2), timeout=timeout)
        except AssertionError as error:
            last = self.run("journalctl", "--no-pager", "-n", "60", check=False)
            raise AssertionError(f"{error}\n{last}") from None

    def await_state(self, unit: str, state: str) -> None:
        """Wait until a unit is in that state."""
        self.until(lambda: self.show(unit, "ActiveState") == state)

    def limits_memory(self) -> bool:
        """Whether it can hold a unit to its `MemoryMax=`."""
        groups = Path("/sys/fs/cgroup")
        controllers = self.root / groups.relative_to("/") / "cgroup.controllers"
        if controllers.exists():
            return "memory" in controllers.read_text(encoding="utf-8").split()
        return (controllers.parent / "memory/memory.limit_in_bytes").exists()

    def main_pid(self, unit: str) -> str:
        """The process id that systemd knows."""
        return self.show(unit, "MainPID")

    def await_new_process(self, unit: str, old: str) -> None:
        """Wait until a unit is active again, with another process."""
        self.until(
            lambda: (
                self.show(unit, "ActiveState") == "active" and self.main_pid(unit) not in {old, "0"}
            )
        )

    def journal(self, unit: str, *arguments: str) -> list[dict[str, Any]]:
        """What the journal has of a unit."""
        said = self.run("journalctl", "--no-pager", "-o", "json", "-u", unit, *arguments)
        return [json.loads(line) for line in said.splitlines()]

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file in it."""
        where = self.root / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text, encoding="utf-8")
        where.chmod(mode)


@contextmanager
def booted() -> Iterator[Machine]:
    """Boot it; end it with all that runs in it."""
    scratch = tempfile.mkdtemp(prefix="tonebus-machine-")
    slice_name = Path(scratch).name
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
    popen = subprocess.Popen(
        [
            "unshare", "--mount", "--propagation", "private", "bash", str(_BOOT),
            scratch, slice_name, sysconfig.get_path("purelib"), sys.base_prefix,
        ],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"], "INSTALL_VENV_FROM": sys.prefix, "HOME": scratch,
        },
        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield _await(popen, log)
    finally:
        popen.kill()
        popen.wait()
        log.close()
        _remove_cgroups(slice_name)
        Path(scratch).rmdir()


def _await(popen: subprocess.Popen[bytes], log: Any) -> Machine:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        children = Path(f"/proc/{popen.pid}/task/{popen.pid}/children")
        if popen.poll() is not None:
            break
        for pid in children.read_text(encoding="utf-8").split():
            machine = Machine(int(pid))
            state = machine.run("systemctl", "is-active", "trial.target", check=False)
            if state.strip() == "active":
                return machine
        time.sleep(0.2)
    log.seek(0)
    raise AssertionError(f"it did not boot: {log.read().decode(errors='replace')}")


def _remove_cgroups(name: str) -> None:
    tree = f"/mnt/{name}"
    for hierarchy in _HIERARCHIES:
        script = (
            f"mount -t {hierarchy} c /mnt 2>/dev/null || exit 0; "
            f"[ ! -e {tree} ] || find {tree} -depth -type d -exec rmdir {{}} +"
        )
        for _ in range(10):
            done = subprocess.run(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
                check=False, capture_output=True,
            )  # fmt: skip
            if not done.stderr:
                break
            time.sleep(0.5)
