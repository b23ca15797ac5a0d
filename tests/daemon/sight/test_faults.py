"""A fault is told in plain words, with what to do."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

from daemon.status.incidents import CATALOGUE, Ledger

ROOT = Path(__file__).parents[3]


def facts() -> dict[str, set[str]]:
    """Every fact that the code logs as a warning or an error, with its fields."""
    found: dict[str, set[str]] = {}
    for layer in ("api", "connectors", "daemon"):
        for path in (ROOT / layer).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in {"warning", "error"}
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    fields = {each.arg for each in node.keywords if each.arg}
                    name = str(node.args[0].value)
                    found[name] = found.get(name, fields) & fields
    return found


@pytest.mark.parametrize("code", sorted(CATALOGUE.keys() - {"redis_failed"}))
def test_what_is_told_is_logged_with_the_fields_that_the_words_want(code: str) -> None:
    entry = CATALOGUE[code]
    wanted = {name for words in entry for _, name, _, _ in string.Formatter().parse(words) if name}
    assert wanted <= facts()[code]
    assert entry.words
    assert entry.fix.endswith(".")


def test_equal_faults_are_one_with_a_count() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.note("workers_gone", {"model": "default"})
    ledger.note("workers_gone", {"model": "other"})
    newest, older = ledger.recent()
    assert (newest.count, older.count) == (1, 3)
    assert "other" in newest.words
    assert "tonebus worker --model default" in older.fix
    assert ledger.counts == {"workers_gone": 4}


def test_what_is_no_fault_is_passed_over() -> None:
    ledger = Ledger()
    ledger.note("daemon_ready", {})
    assert ledger.recent() == []


def test_only_the_last_faults_are_kept() -> None:
    ledger = Ledger()
    for number in range(100):
        ledger.note("message_parked", {"connector": "c", "code": f"code-{number}"})
    assert len(ledger.recent()) <= 20
    assert "code-99" in ledger.recent()[0].words


def test_a_missing_or_long_field_harms_nothing() -> None:
    ledger = Ledger()
    ledger.note("bus_lost", {})
    ledger.note("bus_lost", {"error": "x" * 10_000})
    assert all(len(note.words) < 300 for note in ledger.recent())
