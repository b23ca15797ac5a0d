"""A wheel of the project is all that a Python environment needs, away from the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "api", "connectors", "daemon")


def run(*command: str | Path, where: Path) -> str:
    """Run a command as one who knows nothing of this checkout; return what it printed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TONEBUS_")}
    done = subprocess.run(
        command, cwd=where, env=env, check=False, timeout=120, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The wheel, and what was said while it was built."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        # A build leaves files in the tree, and finds those of an older build there.
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    said = run(
        sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation",
        "--wheel-dir", folder / "dist", ".",
        where=folder,
    )  # fmt: skip
    [wheel] = (folder / "dist").glob("tonebus-*.whl")
    return wheel, said


@pytest.fixture(scope="module")
def tonebus(built: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, in an environment with the wheel alone; its libraries lie in this one."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place)
    python = place / "bin/python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", built[0],
        where=place,
    )  # fmt: skip
    packages = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", where=place
    )
    # Behind its own packages, so that whatever the wheel lacks is missed.
    libraries = Path(packages.strip()) / "libraries.pth"
    libraries.write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return place / "bin/tonebus"


def test_the_build_has_nothing_to_say(built: tuple[Path, str]) -> None:
    assert not built[1].strip()


def test_the_command_and_the_check_of_settings_run_anywhere(tonebus: Path, tmp_path: Path) -> None:
    assert "Usage: tonebus" in run(tonebus, "--help", where=tmp_path)
    run(tonebus, "check", where=tmp_path)


def test_the_model_comes_with_the_wheel(tonebus: Path, tmp_path: Path) -> None:
    assert "positive" in run(tonebus, "predict", "I love it", where=tmp_path)


def test_the_ready_connectors_come_with_the_wheel(tonebus: Path, tmp_path: Path) -> None:
    assert "zendesk" in run(tonebus, "connectors", "list", where=tmp_path)
    run(tonebus, "connectors", "add", "zendesk", "tonebus.toml", where=tmp_path)
    run(tonebus, "check", "--tests", "tonebus.toml", where=tmp_path)


def test_the_modules_are_those_of_the_wheel(tonebus: Path, tmp_path: Path) -> None:
    names = "api.app", "connectors.amqp.consumer", "daemon.pipeline.pipeline"
    code = "import importlib as i, sys; print(*(i.import_module(n).__file__ for n in sys.argv[1:]))"
    files = run(tonebus.with_name("python"), "-c", code, *names, where=tmp_path).split()
    assert len(files) == len(names)
    assert all(Path(file).is_relative_to(tonebus.parents[1]) for file in files)
