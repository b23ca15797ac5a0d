"""Every ready connector reads what its system sends, and gets into the settings by one command."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from click.testing import CliRunner

from daemon import catalogue
from daemon.checks import dry_run, identity
from daemon.cli import tonebus
from daemon.settings import load

if TYPE_CHECKING:
    from click.testing import Result

    from daemon.settings import ConnectorSettings, Settings

ENTRIES = list(catalogue.entries())
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ready-connectors.md"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        tonebus, ["connectors", *map(str, arguments)], env={"TONEBUS_CONFIG": ""}
    )


def settings(entry: catalogue.CatalogueEntry, folder: Path) -> tuple[Settings, ConnectorSettings]:
    file = folder / "tonebus.toml"
    file.write_text(entry.toml, encoding="utf-8")
    found = load({}, file)
    [connector] = found.connectors
    return found, connector


def test_every_file_of_the_catalogue_is_an_entry() -> None:
    files = {each.stem for each in Path(catalogue.__file__).parent.glob("*.toml")}
    assert {each.name for each in ENTRIES} == files
    assert len(files) >= 21


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: each.name)
def test_an_entry_passes_its_own_tests(entry: catalogue.CatalogueEntry, tmp_path: Path) -> None:
    found, connector = settings(entry, tmp_path)
    assert connector.name == entry.name
    for test in connector.tests:
        assert not dry_run.shortcomings(found, connector, test, tmp_path), test.name


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: each.name)
def test_an_entry_has_a_sample_with_its_texts_and_one_that_is_skipped(
    entry: catalogue.CatalogueEntry, tmp_path: Path
) -> None:
    _, connector = settings(entry, tmp_path)
    sample, *others = connector.tests
    assert sample.texts
    assert not sample.skip
    assert any(each.skip == "when" for each in others)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: each.name)
def test_a_text_of_an_entry_is_known_when_it_comes_again(
    entry: catalogue.CatalogueEntry, tmp_path: Path
) -> None:
    found, connector = settings(entry, tmp_path)
    assert not list(identity.warnings(found))
    body = connector.tests[0].message
    assert isinstance(body, str)
    first, again = (
        dry_run.outcome(found, connector, dry_run.delivery(connector, body.encode())).texts
        for _ in range(2)
    )
    assert all(identity.known_by(each, connector) for each in first)
    assert [each.source_id for each in first] == [each.source_id for each in again]
    assert len({each.source_id for each in first}) == len(first)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda each: each.name)
def test_every_entry_is_in_the_table_of_the_page(entry: catalogue.CatalogueEntry) -> None:
    link = f"[`{entry.name}`](../../daemon/catalogue/{entry.name}.toml)"
    row = f"| {link} | {entry.system} | {entry.reads} | {entry.compared} |"
    assert row in PAGE.read_text(encoding="utf-8")


def test_an_entry_that_was_compared_with_nothing_says_so() -> None:
    entry = msgspec.structs.replace(ENTRIES[0], source="Shape not verified: from memory")
    assert entry.compared == "not verified"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", each.compared) for each in ENTRIES)


def test_list_names_every_entry() -> None:
    lines = run("list").output.splitlines()
    assert [each.split()[0] for each in lines[1:]] == [each.name for each in ENTRIES]
    assert [each.split()[-1] for each in lines[1:]] == [each.compared for each in ENTRIES]
    found = [msgspec.json.decode(each) for each in run("list", "--json").output.splitlines()]
    assert found == [msgspec.to_builtins(each) for each in ENTRIES]


def test_show_prints_the_file() -> None:
    assert run("show", "slack").output == next(e.toml for e in ENTRIES if e.name == "slack")


def test_an_unknown_name_is_named() -> None:
    result = run("show", "slak")
    assert result.exit_code == 2
    assert "no ready connector 'slak'" in result.output


def test_added_connectors_are_good_beside_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text("# ours\n[broker]\nprefetch = 7", encoding="utf-8")
    first = run("add", "slack", file, "--exchange", "chat", "--binding", "s.#", "--binding", "t")
    assert first.exit_code == 0, first.output
    assert "replaces the connector `input`" in first.output
    second = run("add", "slack", file, "--as", "slack-of-sales")
    assert second.exit_code == 0, second.output
    assert "replaces" not in second.output
    assert file.read_text(encoding="utf-8").startswith("# ours\n[broker]\nprefetch = 7\n")
    found: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    one, other = found["connectors"]
    assert (one["name"], one["exchange"], one["bindings"]) == ("slack", "chat", ["s.#", "t"])
    assert (other["name"], other["exchange"]) == ("slack-of-sales", "slack")
    checked = CliRunner().invoke(tonebus, ["check", "--tests", str(file)])
    assert checked.exit_code == 0, checked.output


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    file = tmp_path / "tonebus.toml"
    assert run("add", "zendesk", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == next(e.toml for e in ENTRIES if e.name == "zendesk")


@pytest.mark.parametrize(
    ("before", "arguments", "said"),
    [
        ('[[connectors]]\nname = "slack"\n', [], "has a connector 'slack' already"),
        ("connectors = []\n", [], "connectors"),
        ("[broker]\nprefetch = -1\n", [], "prefetch"),
        ("", ["--exchange", "sentiment.results"], "sentiment.results"),
        ("", ["--as", "no name"], "name"),
        ("[daemon]\nmemory_ceiling = 536870912\n", [], "lower broker.prefetch"),
    ],
)
def test_what_would_not_be_good_is_refused_and_nothing_written(
    before: str, arguments: list[str], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text(before, encoding="utf-8")
    result = run("add", "slack", file, *arguments)
    assert result.exit_code != 0
    assert said in f"{result.output}{result.exception}"
    assert str(tmp_path) in f"{result.output}{result.exception}"
    assert file.read_text(encoding="utf-8") == before


def test_no_file_at_all_is_told() -> None:
    result = run("add", "slack")
    assert result.exit_code == 2
    assert "TONEBUS_CONFIG" in result.output
