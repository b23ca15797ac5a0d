"""The tutorial's files and commands do what the page says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.own.server import free_port
from tests.processes import ROOT, running
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILES = {"message.json": ("json", 0), "tonebus.toml": ("toml", 0), "sample.json": ("json", 1)}


def blocks(language: str) -> list[str]:
    return [text for name, text in BLOCK.findall(PAGE) if name == language]


def command(beginning: str, number: int = 0) -> list[str]:
    """The arguments of a command of the page, without the settings' file in front of it."""
    lines = [line for block in blocks("") for line in block.splitlines()]
    words = [line.removeprefix("TONEBUS_CONFIG=tonebus.toml ") for line in lines]
    return shlex.split([each for each in words if each.startswith(beginning)][number])[1:]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The reader's folder, with the files that the page has them save."""
    for name, (language, number) in FILES.items():
        (tmp_path / name).write_text(blocks(language)[number], encoding="utf-8")
    return tmp_path


def run(folder: Path, arguments: list[str], settings: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", *arguments], cwd=folder, check=False, text=True,
        capture_output=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TONEBUS_CONFIG": "tonebus.toml", **settings},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_upstream_is_described_without_a_server(folder: Path) -> None:
    assert 'text = "feedback.words"' in run(folder, command("tonebus connectors"), {})
    assert "connectors orders" in run(folder, command("tonebus check"), {})
    [shown] = blocks("text")
    assert run(folder, command("tonebus try"), {}).startswith(shown)


def test_messages_of_the_upstream_are_labelled_and_counted_on_the_page(
    folder: Path, own_broker_url: str, redis_url: str
) -> None:
    settings = {
        "TONEBUS_CONFIG": str(folder / "tonebus.toml"),
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_API_PORT": str(free_port()),
    }
    url = f"http://127.0.0.1:{settings['TONEBUS_API_PORT']}/status"

    def tones() -> dict[str, int]:
        minutes = httpx.get(url).json()["tones"]
        names = {name for minute in minutes for name in minute["tones"]}
        return {name: sum(minute["tones"].get(name, 0) for minute in minutes) for name in names}

    with (
        running("worker", env=settings, forked=False), running("daemon", env=settings),
        running("api", env=settings),
    ):  # fmt: skip
        for number in range(3):
            run(folder, command("tonebus publish", number), settings)
        until(lambda: tones() == {"positive": 1, "negative": 2}, timeout=60)
        assert httpx.get(url).json()["languages"] == {"und": 1, "en": 1, "es": 1}
