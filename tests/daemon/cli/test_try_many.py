"""`tonebus try` over many messages: files, directories, and queues that are only looked at."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pika
import pytest

from tests.daemon.cli.checking import run
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

GOOD = '{"comment": {"id": 7, "body": "good", "public": true}}'
NAMELESS = '{"comment": {"body": "fine", "public": true}}'
TEXTLESS = '{"comment": {"public": true}}'


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    folder = tmp_path / "samples"
    (folder / "older").mkdir(parents=True)
    (folder / "a.json").write_text(GOOD, encoding="utf-8")
    (folder / "b.jsonl").write_text(f"{NAMELESS}\n\n{TEXTLESS}\n", encoding="utf-8")
    (folder / "older" / "c.json").write_text("{}", encoding="utf-8")
    return folder


def test_a_directory_becomes_a_table_with_a_line_for_each_text(file: Path, samples: Path) -> None:
    result = run("try", "helpdesk", str(samples), "--no-score", config=file)
    assert result.exit_code == 1
    first, second, third, fourth, total, warning = result.output.splitlines()[1:]
    assert "a.json" in first
    assert "a text" in first
    assert "`comment.id`" in first
    assert "good" in first
    assert "b.jsonl:1" in second
    assert "nothing" in second
    assert "b.jsonl:3" in third
    assert "parked: no-text-field" in third
    assert "c.json" in fourth
    assert "skipped" in fourth
    assert total == "4 messages: 2 a text, 1 parked: no-text-field, 1 skipped"
    assert warning.startswith("warning: 1 of them have no identity")


def test_several_messages_are_scored_with_one_model(file: Path, samples: Path) -> None:
    paths = [str(samples / "a.json"), str(samples / "older")]
    result = run("try", "helpdesk", *paths, "--json", config=file)
    assert result.exit_code == 0, result.output
    scored, skipped = map(json.loads, result.output.splitlines())
    assert scored["events"][0]["event"]["data"]["tone"] in {"negative", "neutral", "positive"}
    assert (skipped["skip"], skipped["events"]) == ("when", [])


def test_what_is_to_be_tried_must_be_named_once(file: Path, samples: Path) -> None:
    for arguments in ([], [str(samples), "--live"], ["--live", "--queue", "q"]):
        assert run("try", "helpdesk", *arguments, config=file).exit_code == 2


@pytest.mark.broker
@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_messages_of_a_queue_are_looked_at_and_stay_there(
    file: Path, broker_url: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("TONEBUS_BROKER_URL", broker_url)
    connection = pika.BlockingConnection(pika.URLParameters(broker_url))
    channel = connection.channel()
    queue = f"tickets-{uuid.uuid4().hex[:8]}"
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind})
    channel.confirm_delivery()
    bodies = [GOOD.encode(), b"\xff", TEXTLESS.encode()]
    for number, body in enumerate(bodies):
        channel.basic_publish("", queue, body, pika.BasicProperties(message_id=f"m-{number}"))
    for options, count in ((["--limit", "2"], 2), ([], 3)):
        result = run("try", "helpdesk", "--queue", queue, "--no-score", *options, config=file)
        assert result.exit_code == 1
        assert result.output.splitlines()[1].startswith(f"{queue} 1")
        assert f"\n{count} messages: " in result.output
    for what in ("1 a text", "1 parked: encoding", "1 parked: no-text-field"):
        assert what in result.output
    found: list[bytes] = []

    def fetch() -> None:
        _, _, body = channel.basic_get(queue, auto_ack=True)
        found.extend([body] if body else [])

    # a quorum queue takes a moment to have back what was looked at
    until(lambda: len(found) == len(bodies), fetch)
    # a quorum queue may put what it got back behind the others
    assert (found if kind == "classic" else sorted(found)) == (
        bodies if kind == "classic" else sorted(bodies)
    )
    connection.close()


@pytest.mark.broker
def test_a_queue_that_is_not_there_is_named(
    file: Path, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TONEBUS_BROKER_URL", broker_url)
    result = run("try", "helpdesk", "--queue", "nowhere", "--no-score", config=file)
    assert result.exception is not None
    assert "no queue 'nowhere'" in str(result.exception)
    assert "Fix: name a classic or quorum queue" in str(result.exception)
