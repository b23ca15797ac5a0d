"""The commands in pipes, in files, and in terminals that are narrow or of another encoding."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.own.server import free_port
from tests.processes import ROOT, ended

COMMANDS = {
    "check": ["check"],
    "schema": ["schema", "jsonschema"],
    "asyncapi": ["schema", "asyncapi"],
    "topology": ["topology", "export"],
    "doctor": ["doctor"],
    "help": ["--help"],
    "try": ["try", "input", "-", "--no-score"],
}
TABLE = """
from rich.table import Table
from daemon.cli.terminal import print_table
table = Table("key", "reason", "connector", "routing key", "detail", box=None, pad_edge=False)
table.add_row("0123456789abcdef", "no-text-field", "helpdesk", "ticket.4711.commented", DETAIL)
print_table(table)
"""
DETAIL = "nothing at `comment.body`, where the connector's settings say that the text is"


def settings() -> dict[str, str]:
    nowhere = free_port()
    return {
        "TONEBUS_BROKER_URL": f"amqp://127.0.0.1:{nowhere}",
        "TONEBUS_REDIS_URL": f"redis://127.0.0.1:{nowhere}",
    }


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings(), **more}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return ended(*arguments, env=settings(), given=b"{}")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_reader_that_leaves_ends_a_command_without_a_word(command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", *COMMANDS[command]],
        check=False, cwd=ROOT, env=environment(), stdout=writer, stderr=subprocess.PIPE,
        input=b"{}",
    )  # fmt: skip
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1


def test_a_full_disk_is_said_in_a_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "daemon.cli", "topology", "export"],
            check=False, cwd=ROOT, env=environment(), stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    said = b"tonebus: the output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("publish", b"nothing to publish"),
        ("predict", b""),
        ("try input - --no-score", b"parked: empty"),
    ],
)
def test_a_closed_standard_input_is_an_empty_one(arguments: str, said: bytes) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m daemon.cli {arguments} <&-"],
        check=False, cwd=ROOT, env=environment(), capture_output=True,
    )  # fmt: skip
    assert said in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_into_a_pipe_there_are_no_colours(command: str) -> None:
    assert "\x1b[" not in run(*COMMANDS[command]).stdout


def test_an_encoding_that_lacks_a_character_ends_no_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", "try", "→", "-"],
        check=False, cwd=ROOT, env=environment(PYTHONIOENCODING="latin-1"), capture_output=True,
        input=b"{}",
    )  # fmt: skip
    assert b"no connector is named '\\u2192'" in done.stderr
    assert done.returncode == 78


def test_no_color_is_heard_on_a_terminal() -> None:
    arguments = [sys.executable, "-m", "daemon.cli", "check"]
    assert "\x1b[" in on_terminal(arguments, 80)
    assert "\x1b[" not in on_terminal(arguments, 80, NO_COLOR="1")


@pytest.mark.parametrize("width", [60, 200])
def test_a_table_is_whole_in_a_terminal_of_any_width(width: int) -> None:
    told = on_terminal([sys.executable, "-c", f"DETAIL = {DETAIL!r}\n{TABLE}"], width)
    for value in ("0123456789abcdef", "no-text-field", "ticket.4711.commented", DETAIL):
        assert value in told
    lines = told.splitlines()
    if width == 60:
        assert lines[0].split() == ["key", "0123456789abcdef"]
        assert re.fullmatch(rf"detail +{re.escape(DETAIL)}", lines[4].strip())
    else:
        assert len(lines) == 2


def test_a_table_in_a_pipe_is_one_line_for_each_row_and_cuts_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"DETAIL = {DETAIL * 3!r}\n{TABLE}"],
        check=True, cwd=ROOT, env=environment(COLUMNS="60"), capture_output=True, text=True,
    )  # fmt: skip
    head, row = done.stdout.splitlines()
    assert head.startswith("key               reason")
    assert row.endswith(DETAIL * 3)
    assert "0123456789abcdef  no-text-field" in row


def on_terminal(arguments: list[str], width: int, **options: str) -> str:
    """What a command prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        arguments, cwd=ROOT, env=environment(COLUMNS=str(width), TERM="xterm", **options),
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    printed = b""
    try:
        while data := os.read(ours, 65536):
            printed += data
    except OSError:
        # the other end is closed
        pass
    process.wait()
    os.close(ours)
    return printed.decode()


def test_check_says_the_same_in_json(tmp_path: Path) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_bytes(b"\xef\xbb\xbf[daemon]\nscore_timeout = nan\n")
    told = json.loads(run("check", "--json", str(file)).stdout)
    [problem] = told["problems"]
    assert (problem["where"], problem["line"]) == ("daemon.score_timeout", 2)


def test_check_names_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    file = os.fsencode(tmp_path) + b"/\xff.toml"
    Path(os.fsdecode(file)).write_text("[daemon]\nscore_timeout = 1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "daemon.cli", "check", "--json", file],
        check=True, cwd=ROOT, env=environment(), capture_output=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["file"].endswith("\\xff.toml")


@pytest.mark.parametrize("rate", ["nan", "inf", "-1", "0", "1e-300", "1e300", "many"])
def test_a_rate_that_no_pause_can_be_made_of_is_wrong_usage(rate: str) -> None:
    done = run("parked", "replay", "--rate", rate)
    assert done.returncode == 2
    assert "is no rate; write a number" in done.stderr


def test_the_log_on_a_console_has_colours_on_a_terminal_only() -> None:
    said = (
        "import structlog; from daemon.telemetry import logs\nlogs.configure('console', 'info')\n"
    )
    command = [sys.executable, "-c", said + "structlog.get_logger('daemon').info('x', y=1)"]
    assert "\x1b[" in on_terminal(command, 80)
    assert "\x1b[" not in on_terminal(command, 80, NO_COLOR="1")
    done = subprocess.run(
        command, check=True, cwd=ROOT, env=environment(), capture_output=True, text=True
    )
    assert "\x1b[" not in done.stderr
    assert "y=1" in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        "http://u:s3cret/x@h:15672",
        "nonsense",
        "ftp://h",
        "http://a..b",
        "http://h:99999",
        "http://",
    ],
)
def test_an_address_of_the_management_api_that_cannot_be_read_is_wrong_usage(url: str) -> None:
    done = run("doctor", "--management", url)
    assert done.returncode == 2
    assert "--management: " in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
