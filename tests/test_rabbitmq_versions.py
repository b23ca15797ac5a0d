"""`scripts/rabbitmq.sh` says what it cannot do, and why."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

_EX_USAGE = 64
_EX_UNAVAILABLE = 69
_NOBODY = 65534


def install(version: str, roots: Path, user: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "rabbitmq.sh", "install", version],
        check=False, capture_output=True, text=True, timeout=120,
        env={**os.environ, "TEST_RABBITMQ_ROOTS": str(roots),
             "TEST_DEBIAN_MIRROR": "http://127.0.0.1:1/debian"},
        user=user, group=user, extra_groups=None if user is None else [],
    )  # fmt: skip


def test_an_unknown_version_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    done = install("2.8", tmp_path)
    assert done.returncode == _EX_USAGE
    assert "3.10 4.0 4.3" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_root_a_version_cannot_be_had(tmp_path: Path) -> None:
    done = install("4.0", tmp_path, user=_NOBODY)
    assert done.returncode == _EX_UNAVAILABLE
    assert "RabbitMQ 4.0 cannot be had here: only root" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="without root it is not even tried")
def test_without_a_mirror_a_version_cannot_be_had_and_nothing_is_left(tmp_path: Path) -> None:
    done = install("4.0", tmp_path)
    assert done.returncode == _EX_UNAVAILABLE
    assert "RabbitMQ 4.0 cannot be had here: debootstrap" in done.stderr
    assert not list(tmp_path.glob("4.0"))
