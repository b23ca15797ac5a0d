"""`tonebus check`: find what is wrong with the settings before anything runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.checks import dry_run, identity
from daemon.checks.lint import advice
from daemon.cli import EX_CONFIG, terminal
from daemon.settings.loading import read
from daemon.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings import Settings
    from daemon.settings.loading import LoadedSettings


@click.command()
@click.argument("file", required=False, type=terminal.EXISTING)
@click.option("--tests", is_flag=True, help="Run the connectors' own tests as well.")
@click.option("--strict", is_flag=True, help="Take warnings for errors.")
@click.option("--json", "as_json", is_flag=True, help="One object, for machines.")
def check(file: Path | None, *, tests: bool, strict: bool, as_json: bool) -> None:
    """Find unknown keys, bad expressions, clashes, missing secrets and unsafe values.

    Looks at FILE, or at the one that TONEBUS_CONFIG names, with the environment laid over it as for
    every process. Nothing is connected. Exits with 78 where something is wrong.

    Example: tonebus check --tests /etc/tonebus/tonebus.toml
    """
    found = read(path=file)
    problems = list(found.problems)
    passed = 0
    if found.settings and not problems:
        problems += advice(found, found.settings)
        if tests:
            failed = list(_failing(found.settings, (found.path or Path()).parent))
            problems += failed
            passed = sum(len(each.tests) for each in found.settings.connectors) - len(failed)
    wrong = [each for each in problems if strict or each.severity == "error"]
    if as_json:
        terminal.print_json(_as_data(found, problems, passed))
    else:
        _print(found, problems, wrong)
        if tests and not (found.problems or found.settings is None):
            click.echo(f"{passed} connector tests passed")
    sys.exit(EX_CONFIG if wrong else 0)


def _failing(settings: Settings, folder: Path) -> Iterator[Problem]:
    for place, connector in enumerate(settings.connectors):
        for number, test in enumerate(connector.tests):
            if said := dry_run.shortcomings(settings, connector, test, folder):
                yield Problem(
                    ("connectors", place, "tests", number),
                    f"test {test.name!r} of connector {connector.name!r} failed: "
                    + "; ".join(said),
                )


def _print(found: LoadedSettings, problems: list[Problem], wrong: list[Problem]) -> None:
    for problem, told in zip(problems, found.told(problems), strict=True):
        place, _, said = told.partition(": ")
        colour = "red" if problem.severity == "error" else "yellow"
        click.echo(f"{place}: {click.style(problem.severity, fg=colour)}: {said}")
    others = len(problems) - len(wrong)
    warnings = f", {others} warnings" if others else ""
    if wrong:
        click.echo(f"{len(wrong)} errors{warnings}")
    else:
        names = [each.name for each in found.settings.connectors] if found.settings else []
        click.echo(f"good: {found.name or 'defaults'}, connectors {', '.join(names)}{warnings}")
        for each in found.settings.connectors if found.settings else ():
            click.echo(f"{each.name}: a message is known by its {identity.rule(each)}")


def _as_data(found: LoadedSettings, problems: list[Problem], passed: int) -> dict[str, Any]:
    return {
        "file": found.name or None,
        "problems": [
            {
                "severity": each.severity,
                "where": each.where,
                "line": found.line(each) or None,
                "what": each.what,
                "fix": each.fix,
            }
            for each in problems
        ],
        "identity": {
            each.name: identity.rule(each)
            for each in (found.settings.connectors if found.settings and not found.problems else ())
        },
        "tests_passed": passed,
    }
