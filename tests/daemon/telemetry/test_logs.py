"""Logs: one fact a line, nothing forged, no text and no secret."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from daemon.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary4711"


@pytest.fixture(autouse=True)
def logging_put_back() -> Iterator[None]:
    """The logging of this process, as it was before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configuration = structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for package in ("api", "connectors", "daemon"):
        logging.getLogger(package).setLevel(logging.NOTSET)
    structlog.configure(**configuration)


def facts(shown: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shown.splitlines()]


def log() -> Any:
    return structlog.get_logger("daemon.tests")


def test_a_fact_is_one_json_object_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    log().info("batch_scored", texts=32, ms=180)
    [fact] = facts(capsys.readouterr().err)
    assert fact.pop("timestamp").endswith("Z")
    assert fact == {"event": "batch_scored", "level": "info", "texts": 32, "ms": 180}


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "evil",
    ["a\r\nforged_event", "\x1b[31mred\x1b[0m", "\0", "\u202eevil", "\u2028line", "\x9b31m"],
)
def test_control_characters_are_escaped(
    capsys: pytest.CaptureFixture[str], form: logs.Format, evil: str
) -> None:
    logs.configure(form, "info")
    log().warning("message_parked", message_id=evil, key=f"{evil}x")
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert evil not in shown
    if form == "json":
        [fact] = facts(shown)
        assert fact["message_id"] == evil.encode("unicode_escape").decode()
    else:
        assert shown.rstrip("\n").replace("\x1b[", "").isprintable()


def test_printable_words_of_any_language_stay_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("json", "info")
    log().info("named", name="größe 感情 \U0001f600")
    assert facts(capsys.readouterr().err)[0]["name"] == "größe 感情 \U0001f600"


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_shows_where_it_was_raised_and_not_its_message(
    capsys: pytest.CaptureFixture[str], form: logs.Format
) -> None:
    logs.configure(form, "info")
    try:
        fail()
    except ValueError:
        log().exception("went_wrong")
    logging.getLogger("library").error("failed", exc_info=ValueError(CANARY))
    shown = capsys.readouterr().err
    assert CANARY not in shown
    assert "ValueError" in shown
    assert " fail" in shown


def test_libraries_speak_from_warning_on_and_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "debug")
    logging.getLogger("amqp").info("chatter")
    logging.getLogger("amqp").warning("trouble")
    [fact] = facts(capsys.readouterr().err)
    assert (fact["event"], fact["library"], fact["level"]) == ("trouble", "amqp", "warning")


def test_facts_below_the_level_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "warning")
    log().info("chatter")
    log().warning("trouble")
    assert [fact["event"] for fact in facts(capsys.readouterr().err)] == ["trouble"]


def test_auto_is_json_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("auto", "info")
    log().info("started")
    assert facts(capsys.readouterr().err)[0]["event"] == "started"


def test_auto_is_for_people_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    logs.configure("auto", "info")
    log().info("started")
    shown = capsys.readouterr().err
    assert "started" in shown
    assert not shown.startswith("{")


def fail() -> None:
    raise ValueError(CANARY)
