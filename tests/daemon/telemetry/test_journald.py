"""What the journal receives: fields that can be searched for, and nothing that forges others."""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING

import pytest
import structlog

from daemon.telemetry import journald, logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], dict[str, str]]]:
    """Logging set up as under systemd; gives the fields of the next entry."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "socket"))
        ear.settimeout(5)
        monkeypatch.setattr(journald.Handler.__init__, "__defaults__", (tmp_path / "socket",))
        monkeypatch.setattr(journald, "listens", lambda: True)
        logs.configure("auto", "info")

        def entry() -> dict[str, str]:
            lines = ear.recv(65536).decode().splitlines()
            return dict(line.split("=", 1) for line in lines)

        yield entry
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_fact_has_its_priority_its_name_and_its_fields(
    told: Callable[[], dict[str, str]],
) -> None:
    structlog.get_logger("daemon.x").warning("message_parked", code="not-json", size=3)
    entry = told()
    assert entry["PRIORITY"] == "4"
    assert entry["MESSAGE"] == "message_parked code=not-json size=3"
    assert entry["TONEBUS_EVENT"] == "message_parked"
    assert (entry["TONEBUS_CODE"], entry["TONEBUS_SIZE"]) == ("not-json", "3")
    assert entry["MESSAGE_ID"] == journald.message_id("message_parked")


@pytest.mark.parametrize(("level", "priority"), [("error", "3"), ("warning", "4"), ("info", "6")])
def test_each_level_has_the_journal_s_priority(
    told: Callable[[], dict[str, str]], level: str, priority: str
) -> None:
    getattr(structlog.get_logger("daemon.x"), level)("x_done")
    assert told()["PRIORITY"] == priority


def test_no_value_forges_a_field(told: Callable[[], dict[str, str]]) -> None:
    structlog.get_logger("daemon.x").info("x", id="a\nPRIORITY=0", more=["b\nPRIORITY=0"])
    entry = told()
    assert entry["PRIORITY"] == "6"
    assert entry["TONEBUS_ID"] == "a\\nPRIORITY=0"


def test_a_library_s_sentence_is_no_fact(told: Callable[[], dict[str, str]]) -> None:
    logging.getLogger("celery.worker").warning("lost %s", "it")
    entry = told()
    assert entry["MESSAGE"] == "lost it library=celery.worker"
    assert "TONEBUS_EVENT" not in entry


@pytest.mark.usefixtures("told")
def test_a_deaf_journal_loses_no_fact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "socket").unlink()
    structlog.get_logger("daemon.x").error("x_failed", n=1)
    assert capsys.readouterr().err == "<3>x_failed n=1\n"


def test_standard_error_leads_to_the_journal_only_where_systemd_says_so(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("wb") as stream:
        found = os.fstat(stream.fileno())
        right = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}
        assert journald.listens(right, stream.fileno())
        assert not journald.listens({"JOURNAL_STREAM": "1:2"}, stream.fileno())
        assert not journald.listens({}, stream.fileno())
