"""An incident is described in plain words, with its fix."""

from __future__ import annotations

import ast
import functools
import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daemon.status.catalogue import CATALOGUE
from daemon.status.incidents import Ledger
from daemon.telemetry import metrics
from daemon.telemetry.registry import Registry

if TYPE_CHECKING:
    from daemon.telemetry.metrics import Metric

ROOT = Path(__file__).parents[3]


LEVELS = {"warning", "warn", "error", "exception", "critical", "fatal"}
"""Methods of a logger whose events somebody should see."""


@functools.cache
def trees() -> list[tuple[Path, ast.AST]]:
    return [
        (path, ast.parse(path.read_text(encoding="utf-8")))
        for layer in ("api", "connectors", "daemon")
        for path in sorted((ROOT / layer).rglob("*.py"))
    ]


def loggers(tree: ast.AST) -> set[str]:
    """Names that a module gives to loggers of structlog's."""
    return {
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "structlog.get_logger" in ast.unparse(node.value)
        for target in node.targets
    }


@functools.cache
def facts() -> dict[str, set[str]]:
    """Every event that the code logs as a warning or worse, with the fields that it always has."""
    found: dict[str, set[str]] = {}
    for path, tree in trees():
        known = loggers(tree)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) in known
                and node.func.attr in LEVELS
            ):
                name = node.args[0] if node.args else None
                where = f"{path}:{node.lineno}"
                assert isinstance(name, ast.Constant), f"{where}: an event without a plain name"
                fields = {each.arg for each in node.keywords if each.arg}
                found[str(name.value)] = found.get(str(name.value), fields) & fields
    return found


def test_loggers_are_called_where_they_stand_so_that_every_event_is_found() -> None:
    for path, tree in trees():
        known = loggers(tree)
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in known:
                where = f"{path}:{node.lineno}"
                assert id(node) in called, f"{where}: a method of the logger is passed around"
                assert node.attr in LEVELS | {"debug", "info"}, f"{where}: {node.attr}"


def test_every_warning_and_error_of_the_log_is_in_the_catalogue_and_nothing_else_is() -> None:
    assert facts().keys() == CATALOGUE.keys()


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_what_is_told_is_logged_with_the_fields_that_the_words_want(code: str) -> None:
    entry = CATALOGUE[code]
    wanted = {name for words in entry for _, name, _, _ in string.Formatter().parse(words) if name}
    assert wanted <= facts()[code]
    assert entry.words
    assert entry.fix.endswith(".")


def counted(ledger: Ledger) -> dict[tuple[str, ...], float]:
    registry = Registry()
    ledger.count_in(registry)
    return registry.shown(metrics.INCIDENTS)


def test_equal_faults_are_one_with_a_count() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.record("workers_gone", {"model": "default"})
    ledger.record("workers_gone", {"model": "other"})
    newest, older = ledger.recent()
    assert (newest.count, older.count) == (1, 3)
    assert "other" in newest.words
    assert "tonebus worker --model default" in older.fix
    assert counted(ledger) == {("workers_gone",): 4}


def test_incidents_are_counted_while_another_thread_notes_a_new_one() -> None:
    ledger = Ledger()

    class Busy(Registry):
        def set(self, metric: Metric, *labels: str, to: float) -> None:
            super().set(metric, *labels, to=to)
            ledger.record("redis_failed", {"error": "gone"})

    ledger.record("workers_gone", {"model": "default"})
    ledger.count_in(Busy())
    assert counted(ledger) == {("workers_gone",): 1, ("redis_failed",): 1}


def test_what_is_no_fault_is_passed_over() -> None:
    ledger = Ledger()
    ledger.record("daemon_ready", {})
    assert ledger.recent() == []


def test_only_the_last_faults_are_kept() -> None:
    ledger = Ledger()
    for number in range(100):
        ledger.record("message_parked", {"connector": "c", "code": f"code-{number}"})
    assert len(ledger.recent()) <= 20
    assert "code-99" in ledger.recent()[0].words


def test_a_missing_or_long_field_harms_nothing() -> None:
    ledger = Ledger()
    ledger.record("disconnected", {})
    ledger.record("disconnected", {"error": "x" * 10_000})
    assert all(len(note.words) < 300 for note in ledger.recent())
