"""The Dockerfile makes a small image that runs as nobody in particular."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def stages() -> list[str]:
    return re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]


def test_the_linter_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [hadolint, "--strict-labels", "Dockerfile"],
        cwd=ROOT, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_builds_is_left_behind_and_what_runs_is_not_root() -> None:
    build, final = stages()
    assert "pip install" in build
    assert "pip install" not in final
    assert "COPY --from=build /opt/tonebus /opt/tonebus" in final
    assert "\nUSER 10001\n" in final


def test_pytorch_is_the_build_for_cpus_unless_told_otherwise() -> None:
    [build, _] = stages()
    assert "\nARG TORCH=cpu\n" in build
    assert "--torch-backend ${TORCH}" in build


def test_all_that_is_copied_exists_and_is_sent_to_the_build() -> None:
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    sent = {line[1:] for line in ignore.splitlines() if line.startswith("!")}
    assert set(copied) == sent
    assert all((ROOT / name).exists() for name in copied)
