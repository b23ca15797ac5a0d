"""A connector proposed from one message reads that message."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from daemon import catalogue
from daemon.checks import dry_run
from daemon.cli import tonebus
from daemon.settings import load

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


EVENT = {"specversion": "1.0", "type": "review", "source": "/shop", "id": "e-1"}
INNER = json.dumps({"id": 7, "text": "It broke"})


def suggest(message: str) -> Result:
    return CliRunner().invoke(tonebus, ["connectors", "suggest", "-"], input=message)


@pytest.mark.parametrize(
    ("message", "texts", "ids"),
    [
        ({"id": 7, "text": "Good"}, ["Good"], ["7"]),
        ({"id": 1, "ticket": {"id": 2, "body": "It broke again"}}, ["It broke again"], ["2"]),
        ({"order-no": 3, "my words": {"what-was": "It broke again"}}, ["It broke again"], None),
        ({"id": 9, "html": "<p>It <b>broke</b> again</p>"}, ["It broke again"], ["9"]),
        ({"reviews": [{"id": 1}, {"id": 2, "text": "Lovely"}]}, ["Lovely"], ["2"]),
        ([{"id": 1, "body": "One"}, {"id": 2, "body": "Two"}], ["One", "Two"], ["1", "2"]),
        (EVENT | {"data": {"id": 7, "body": "It broke"}}, ["It broke"], ["/shop#e-1"]),
        (EVENT | {"data": "It broke"}, ["It broke"], ["/shop#e-1"]),
        ([EVENT | {"data": {"body": "It broke"}}], ["It broke"], ["/shop#e-1"]),
        ({"Subject": "A review", "Message": INNER}, ["It broke"], ["7"]),
        ({"Records": [{"body": INNER}, {"body": INNER}]}, ["It broke"] * 2, ["7", "7"]),
        ([{"body": INNER}], ["It broke"], ["7"]),
        ({"body": json.dumps({"Message": INNER})}, ["It broke"], ["7"]),
        ({"Message": json.dumps(EVENT | {"data": json.loads(INNER)})}, ["It broke"], None),
        (INNER, ["It broke"], ["7"]),
    ],
)
def test_what_is_proposed_finds_the_text_and_its_id(
    message: Any, texts: list[str], ids: list[str] | None, tmp_path: Path
) -> None:
    result = suggest(json.dumps(message))
    assert result.exit_code == 0, result.output
    file = tmp_path / "tonebus.toml"
    file.write_text(result.output, encoding="utf-8")
    found = load({}, file)
    [connector] = found.connectors
    delivery = dry_run.delivery(connector, json.dumps(message).encode())
    came = dry_run.outcome(found, connector, delivery)
    assert [each.content for each in came.texts] == texts
    assert ids is None or [each.subject for each in came.texts] == ids


def test_it_finds_what_the_ready_connectors_know() -> None:
    for entry in catalogue.entries():
        if entry.name in {"zendesk", "github-issues", "jira", "discord"}:
            known = tomllib.loads(entry.toml)["connectors"][0]
            [proposed] = tomllib.loads(suggest(known["tests"][0]["message"]).output)["connectors"]
            place = f"{known['document']}." if "document" in known else ""
            assert proposed["text"] == place + known["text"]
            assert proposed["id"] == place + known["id"]


def test_language_and_time_are_found() -> None:
    message = {"id": 1, "text": "Gut", "locale": "de", "created_at": "2025-11-26T00:00:00Z"}
    [proposed] = tomllib.loads(suggest(json.dumps(message)).output)["connectors"]
    assert (proposed["language"], proposed["time"]) == ("locale", "created_at")


@pytest.mark.parametrize("message", ['{"id": 7}', "[]", "7", '{"n": [[1], {}]}'])
def test_without_a_text_nothing_is_proposed(message: str) -> None:
    result = suggest(message)
    assert result.exit_code == 1
    assert "no field looks like a text" in result.output


def test_what_is_no_json_is_told() -> None:
    result = suggest("{")
    assert result.exit_code == 2
    assert "not JSON" in result.output


def test_what_is_nested_without_end_is_told() -> None:
    result = suggest('{"a":' * 5000 + "1" + "}" * 5000)
    assert result.exit_code == 2
    assert "nested too deeply" in result.output
