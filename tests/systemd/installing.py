"""`make install`, for the tests, without a download: the libraries of this environment serve."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def make(target: str, **variables: str) -> str:
    """Run one target of the Makefile, quickly; return what it said."""
    given = {"INSTALL_VENV_FROM": sys.prefix, "PYTHON": base_python(), **variables}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--no-print-directory", target, *(f"{k}={v}" for k, v in given.items())],
        cwd=ROOT, env=kept, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def base_python() -> str:
    """An interpreter of our own version that a service may run, or the one beneath us."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system = Path("/usr/bin") / name
    return str(system if system.exists() else Path(sys.base_prefix) / "bin" / name)
