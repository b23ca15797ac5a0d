"""`tonebus doctor`: try the live servers, and say what to fix."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from connectors import urls
from connectors.errors import Unavailable
from connectors.tls import SYSTEM_TRUST
from daemon.checks import doctor as examination
from daemon.checks.lint import advice
from daemon.checks.management import Management
from daemon.checks.result import Result
from daemon.cli import EX_CONFIG, terminal
from daemon.settings.loading import read
from daemon.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.settings.loading import LoadedSettings

_COLOURS = {"ok": "green", "warning": "yellow", "failure": "red", "unknown": "cyan"}


@click.command()
@click.argument("file", required=False, type=terminal.EXISTING)
@click.option(
    "--management",
    default="",
    metavar="URL",
    help="RabbitMQ's management API, with user and password; by default that of the "
    "broker's host, with its user.",
)
@click.option("--json", "as_json", is_flag=True, help="One object, for machines.")
def doctor(file: Path | None, management: str, *, as_json: bool) -> None:
    """Try the settings, RabbitMQ, permissions, topology, Redis, clocks, workers and models.

    "round trip" proves that a persistent message to a private queue is confirmed, delivered and
    acknowledged; "permissions" that the exchanges of events and of parked messages would take a
    message of ours, by having RabbitMQ refuse one for its properties; "model" that a worker scores
    a text. That a daemon runs, and how it maps messages, it does not prove: see the status page,
    and `tonebus try`.

    What only RabbitMQ's management API knows, such as alarms and policies, is "unknown" where that
    cannot be asked.

    Nothing stays declared, and no consumer sees a message. Exits with 1 where a check fails, with
    78 where the settings are wrong.

    Example: tonebus doctor
    """
    logs.configure("console", "error")
    if management:
        try:
            Management(management, SYSTEM_TRUST)
        except urls.WrongUrl as error:
            raise click.UsageError(f"--management: {error}") from None
    results = []
    found = read(path=file)
    for each in _examine(found, management):
        results.append(each)
        if not as_json:
            _print(each)
    count = {state: sum(each.state == state for each in results) for state in _COLOURS}
    if as_json:
        terminal.print_json({"checks": results, **count})
    else:
        told = ", ".join(f"{number} {state}" for state, number in count.items())
        click.echo(f"\n{told}")
    sys.exit(EX_CONFIG if found.problems else 1 if count["failure"] else 0)


def _examine(found: LoadedSettings, management: str) -> Iterator[Result]:
    for problem, told in zip(found.problems, found.told(found.problems), strict=True):
        yield Result("settings", "failure", told.partition(". Fix:")[0], problem.fix)
    if found.settings is None or found.problems:
        return
    yield Result("settings", "ok", found.name or "the defaults, and the environment")
    for problem in advice(found, found.settings):
        # what the live checks below look at themselves
        if problem.path[:1] != ("models",) and problem.path != ("redis", "secret"):
            yield Result(
                f"settings {problem.where}",
                "warning" if problem.severity == "warning" else "failure",
                problem.what,
                problem.fix,
            )
    try:
        yield from examination.examine(found.settings, management)
    except Unavailable as error:
        yield Result("broker", "failure", f"lost while it was examined: {error}", "try again")


def _print(each: Result) -> None:
    state = click.style(f"{each.state:<8}", fg=_COLOURS[each.state])
    click.echo(f"{state} {each.check}: {each.detail}")
    if each.fix:
        click.echo(f"         Fix: {each.fix}")
