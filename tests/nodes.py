"""Node, with what the tests need from npm."""

from __future__ import annotations

import fcntl
import functools
import shutil
import subprocess

import pytest

from tests.processes import ROOT

NODE = ROOT / "tests" / "node"
_WRITTEN_LAST = ".package-lock.json"


@functools.cache
def node_with_packages() -> str:
    """The program; its packages are installed at first use. Skips the test without Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        pytest.skip("node and npm are not here: the AsyncAPI parser and amqplib want them")
    with (NODE / "package.json").open("rb") as locked:
        # another process of the same test run may be installing them
        fcntl.flock(locked, fcntl.LOCK_EX)
        if not (NODE / "node_modules" / _WRITTEN_LAST).exists():
            done = subprocess.run(
                [npm, "ci", "--no-audit", "--no-fund"],
                check=False, cwd=NODE, capture_output=True, text=True,
            )  # fmt: skip
            if done.returncode:
                pytest.skip(f"npm ci failed: {done.stderr[-300:]}")
    return node
