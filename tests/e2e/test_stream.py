"""A connector that reads a stream: nothing lost, nothing skipped, and nothing written to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import amqp
import pika
import pytest
from click.testing import CliRunner

from connectors.amqp.stream import last_chunk
from daemon.cli import tonebus
from tests import models
from tests.brokers import patient_broker
from tests.e2e.stage import PARKED, Stage
from tests.hostile.bus import raw
from tests.hostile.frames import UNREADABLE, publish
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = "crm.comments"
CONNECTOR = f"""
[daemon]
hold_seconds = 1

[[connectors]]
name = "crm"
queue = "{STREAM}"
offset = "first"
prefetch = 20
model = "{models.NAME}"
"""
CODES = ["headers", "json"]


@pytest.fixture
def stage(
    own_broker_url: str, redis_url: str, model_directory: Path, tmp_path: Path
) -> Iterator[Stage]:
    config = tmp_path / "tonebus.toml"
    config.write_text(CONNECTOR + models.table(models.NAME, model_directory), encoding="utf-8")
    env = {
        "TONEBUS_CONFIG": str(config),
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
    }
    with pika.BlockingConnection(pika.URLParameters(own_broker_url)) as connection:
        connection.channel().queue_declare(
            STREAM, durable=True, arguments={"x-queue-type": "stream"}
        )
    with Stage(env) as made:
        yield made


def write(stage: Stage, start: int, stop: int) -> set[str]:
    """Write messages without an id; return what each is known by."""
    with raw(stage.env["TONEBUS_BROKER_URL"]) as channel:
        channel.confirm_select()
        for n in range(start, stop):
            body = json.dumps({"text": f"comment {n}"})
            channel.basic_publish_confirm(amqp.Message(body), "", STREAM)
    return {f"{STREAM}@{n}" for n in range(start, stop)}


def written(stage: Stage) -> int:
    broker = patient_broker(stage.env["TONEBUS_BROKER_URL"])
    broker.connect()
    try:
        return last_chunk(broker, STREAM).last + 1
    finally:
        broker.close()


def test_killed_and_poisoned_it_loses_nothing_and_another_daemon_takes_over(stage: Stage) -> None:
    first = stage.start("daemon")
    stage.start("daemon").wait_for("connector_standby")
    stage.watch()
    stage.start("worker")
    known = write(stage, 0, 60)
    with raw(stage.env["TONEBUS_BROKER_URL"]) as channel:
        publish(
            channel, b'{"text": "unreadable"}', UNREADABLE["a message id that is not UTF-8"],
            exchange=b"", routing_key=STREAM.encode(),
        )  # fmt: skip
        channel.confirm_select()
        channel.basic_publish_confirm(amqp.Message(b"{no JSON"), "", STREAM)
    assert written(stage) == 62
    stage.subjects(known)
    known |= write(stage, 62, 120)
    first.kill()
    known |= write(stage, 120, 160)
    events = stage.subjects(known)
    # by their places, for what came twice has the same id
    assert len({each["id"] for each in events}) == len(known)
    assert {each["subject"] for each in events} == known
    until(lambda: stage.depth(PARKED) >= len(CODES))

    env: Any = stage.env
    found = CliRunner().invoke(tonebus, ["parked", "list", "--json"], env=env)
    entries = [json.loads(line) for line in found.output.splitlines() if line.startswith("{")]
    assert sorted({each["code"] for each in entries}) == CODES
    found = CliRunner().invoke(tonebus, ["parked", "replay", "--yes"], env=env)
    assert f"{len(entries)} replayed" in found.output, found.output
    # through a queue of the connector's own: one can be read without its properties, and keeps its
    # place; the other is parked again
    stage.subjects({f"{STREAM}@60"})
    until(lambda: stage.depth(PARKED) == sum(each["code"] == "json" for each in entries))
    assert written(stage) == 160
    found = CliRunner().invoke(tonebus, ["doctor", "--json"], env=env)
    [told] = [each for each in json.loads(found.output)["checks"] if STREAM in each["check"]]
    assert told["state"] == "ok"
    assert "read up to message" in told["detail"]


def test_an_outage_costs_no_connection_and_is_caught_up_with(stage: Stage) -> None:
    known = write(stage, 0, 50)
    daemon = stage.start("daemon")
    stage.watch()
    daemon.wait_for("connector_paused")
    worker = stage.start("worker")
    daemon.wait_for("connector_resumed")
    events = stage.subjects(known)
    assert len(events) == len(known)
    worker.stop()
    known |= write(stage, 50, 60)
    daemon.wait_for("connector_paused", count=2)
    assert daemon.stop() == 0
    assert not daemon.events("bus_lost")
    stage.start("worker", ready="")
    again = stage.start("daemon")
    stage.subjects(known)
    assert again.events("stream_opened")[0]["place"] == 49
