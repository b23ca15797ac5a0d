"""The pages about connectors: every example does what it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daemon.checks import dry_run
from daemon.cli import tonebus
from daemon.settings import ConnectorSettings, load

DOCS = Path(__file__).parent.parent / "docs"
EXAMPLES = DOCS / "connectors" / "tonebus.toml"
HOW_TO = DOCS / "how-to" / "connect-an-upstream.md"
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str) -> list[str]:
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [text for name, text in found if name == language]


def connectors() -> list[ConnectorSettings]:
    return list(load({}, EXAMPLES).connectors)


@pytest.mark.parametrize("connector", connectors(), ids=lambda each: each.name)
def test_every_example_passes_its_own_tests(connector: ConnectorSettings) -> None:
    assert connector.tests
    for test in connector.tests:
        assert not dry_run.shortcomings(load({}, EXAMPLES), connector, test, EXAMPLES.parent)


@pytest.mark.parametrize("connector", connectors(), ids=lambda each: each.name)
def test_every_example_has_a_page_that_shows_it(connector: ConnectorSettings) -> None:
    page = EXAMPLES.parent / f"{connector.name}.md"
    [shown] = blocks(page, "toml")
    assert shown in EXAMPLES.read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    [sample] = EXAMPLES.parent.glob(f"{connector.name}.[jt][sx][ot]*")
    assert sample.read_text(encoding="utf-8") in text


@pytest.mark.parametrize(("page", "tests"), [(HOW_TO, 2), (EXAMPLES.parent / "shapes.md", 5)])
def test_the_connectors_of_a_page_are_good_and_pass_their_tests(
    page: Path, tests: int, tmp_path: Path, model_directory: Path
) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text("\n".join(blocks(page, "toml")), encoding="utf-8")
    result = CliRunner().invoke(
        tonebus, ["check", "--tests", str(file)], env={"TONEBUS_MODEL": str(model_directory)}
    )
    assert result.exit_code == 0, result.output
    assert f"{tests} connector tests passed" in result.output


def test_every_toml_block_is_toml() -> None:
    for page in DOCS.rglob("*.md"):
        for block in blocks(page, "toml"):
            found: dict[str, Any] = tomllib.loads(block)
            assert found
