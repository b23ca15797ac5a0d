"""What `tonebus check` and `try` are run on, and how."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from daemon.cli import tonebus

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

HELPDESK = """
[[connectors]]
name = "helpdesk"
model = "tiny"
exchange = "helpdesk.events"
text = "comment.body"
id = "comment.id"
carry = { ticket = "ticket.id" }
when = "comment.public"
"""


def add(file: Path, text: str) -> None:
    file.write_text(file.read_text(encoding="utf-8") + text, encoding="utf-8")


def run(*arguments: str, config: Path | None = None) -> Result:
    environment = {"TONEBUS_CONFIG": str(config) if config else ""}
    return CliRunner().invoke(tonebus, arguments, env=environment)


def check(file: Path, *options: str) -> Result:
    return run("check", *options, str(file))


def problems(file: Path, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(check(file, "--json", *options).output)["problems"]
    return found


def line_with(file: Path, text: str) -> int:
    return next(
        number
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if text in line
    )
