"""The past under another model: the same ids, each event there once, live traffic first."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import amqp
import pika
import pytest
from click.testing import CliRunner

from daemon.cli import tonebus
from tests import models
from tests.e2e.stage import PARKED, Stage
from tests.hostile.bus import raw
from tests.processes import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = "crm.past"
QUEUE = "crm.left"
COUNT = 1500


def config(directory: Path, model: Path) -> str:
    file = directory / f"{model.name}.toml"
    file.write_text(
        f'[[connectors]]\nname = "crm"\nqueue = "{STREAM}"\noffset = "first"\n'
        f'model = "{models.NAME}"\n' + models.table(models.NAME, model),
        encoding="utf-8",
    )
    return str(file)


@pytest.fixture
def stage(own_broker_url: str, redis_url: str) -> Iterator[Stage]:
    env = {
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
    }
    with pika.BlockingConnection(pika.URLParameters(own_broker_url)) as connection:
        channel = connection.channel()
        channel.queue_declare(STREAM, durable=True, arguments={"x-queue-type": "stream"})
        channel.queue_declare(QUEUE, durable=True)
    with Stage(env) as made:
        yield made


def body(n: int) -> bytes:
    return json.dumps({"id": f"m-{n}", "text": f"number {n} was good"}).encode()


def write(stage: Stage, queue: str, start: int, stop: int) -> None:
    with raw(stage.env["TONEBUS_BROKER_URL"]) as channel:
        for n in range(start, stop - 1):
            channel.basic_publish(amqp.Message(body(n)), "", queue)
        channel.confirm_select()
        channel.basic_publish_confirm(amqp.Message(body(stop - 1)), "", queue)


def relabel(stage: Stage, *arguments: str) -> dict[str, Any]:
    """Run it to its end; return what it says."""
    with running("relabel", "--json", *arguments, env=stage.env, ready="") as process:
        assert process.popen.wait(120) == 0, process.log.read_text(encoding="utf-8")
        last = process.log.read_text(encoding="utf-8").strip().splitlines()[-1]
    said: dict[str, Any] = json.loads(last)
    return said


def revisions(events: list[dict[str, Any]]) -> dict[str, str]:
    return {each["id"]: each["data"]["model"]["revision"] for each in events}


def test_killed_in_the_middle_every_event_is_there_by_the_id_that_it_had(
    stage: Stage, tmp_path: Path
) -> None:
    write(stage, STREAM, 0, COUNT)
    stage.env["TONEBUS_CONFIG"] = config(tmp_path, models.save(tmp_path / "one"))
    env: Any = stage.env
    assert CliRunner().invoke(tonebus, ["topology", "apply"], env=env).exit_code == 0
    stage.watch()
    with running("worker", env=stage.env):
        with running("relabel", "--rate", "200", env=stage.env, ready="") as process:
            until(lambda: len(stage.events) > COUNT // 10, lambda: stage.collect(1))
            process.kill()
        write(stage, STREAM, COUNT, COUNT + 5)
        said = relabel(stage)
    # the end is where it was when it began, and nothing is done twice but what was not yet marked
    assert said["total"] == COUNT
    assert said["ended"]
    before = stage.subjects({f"m-{n}" for n in range(COUNT)})
    one = revisions(before)
    assert len(one) == COUNT
    [old] = set(one.values())

    stage.events.clear()
    write(stage, QUEUE, COUNT + 5, COUNT + 8)
    stage.env["TONEBUS_CONFIG"] = config(tmp_path, models.save(tmp_path / "two", seed=11))
    with running("worker", env=stage.env):
        said = relabel(stage, "--only", old)
        assert (said["events"], said["passed_over"]) == (COUNT, 5)
        # a copy from before the kill may still come first: the last of an id counts
        until(lambda: old not in revisions(stage.collect(COUNT)).values(), timeout=120)
        assert revisions(stage.events).keys() == one.keys()
        # what has its label now is not labelled again
        assert relabel(stage)["events"] == 5

        stage.events.clear()
        assert relabel(stage, "--queue", QUEUE)["events"] == 3
        stage.subjects({f"m-{COUNT + n}" for n in (5, 6, 7)})
        assert stage.depth(QUEUE) == 0
        relabel_file(stage, tmp_path / "past.jsonl")


def relabel_file(stage: Stage, file: Path) -> None:
    whole = {
        "payload": base64.b64encode(b'{"text": "good"}').decode(), "payload_encoding": "base64",
        "properties": {"message_id": "whole", "headers": {"a": 1}}, "routing_key": "a.key",
    }  # fmt: skip
    lines = [b'{"id": "bare", "text": "bad"}', json.dumps(whole).encode(), b"{no JSON"]
    file.write_bytes(b"\n".join(lines))
    stage.events.clear()
    said = relabel(stage, "--file", str(file))
    assert (said["total"], said["events"], said["parked"]) == (3, 2, 1)
    events = {each["subject"]: each for each in stage.subjects({"bare", "whole"})}
    assert events["whole"]["data"]["origin"]["routing_key"] == "a.key"
    assert stage.depth(PARKED) == 1


def test_no_faster_than_it_is_told(stage: Stage, tmp_path: Path) -> None:
    write(stage, STREAM, 0, 60)
    stage.env["TONEBUS_CONFIG"] = config(tmp_path, models.save(tmp_path / "one"))
    with running("worker", env=stage.env):
        begun = time.monotonic()
        assert relabel(stage, "--rate", "20")["events"] == 60
    # the first second's worth may come at once
    assert time.monotonic() - begun >= 2
