"""A connector that consumes from a queue that exists and belongs to others."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pika
import pytest
from click.testing import CliRunner

from connectors.amqp.presence import exists
from daemon.cli import tonebus
from tests import models
from tests.administration import administration
from tests.brokers import patient_broker
from tests.e2e.stage import Stage
from tests.processes import running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pika.adapters.blocking_connection import BlockingChannel

QUEUE = "crm.comments"
CONNECTOR = f"""
[[connectors]]
name = "crm"
queue = "{QUEUE}"
priority = 5
model = "{models.NAME}"
"""
EX_CONFIG = 78


@pytest.fixture
def env(
    own_broker_url: str, redis_url: str, model_directory: Path, tmp_path: Path
) -> dict[str, str]:
    config = tmp_path / "tonebus.toml"
    config.write_text(models.table(models.NAME, model_directory) + CONNECTOR, encoding="utf-8")
    return {
        "TONEBUS_CONFIG": str(config),
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
    }


@pytest.fixture
def owner(own_broker_url: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(own_broker_url)) as connection:
        yield connection.channel()


def declare(owner: BlockingChannel, kind: str) -> None:
    owner.queue_declare(QUEUE, durable=True, arguments={"x-queue-type": kind})


def send(owner: BlockingChannel, *texts: str) -> None:
    for text in texts:
        owner.basic_publish("", QUEUE, json.dumps({"id": text, "text": text}))


@pytest.mark.parametrize("kind", ["quorum", "classic"])
def test_its_messages_are_labelled_and_nothing_is_declared_for_it(
    env: dict[str, str], owner: BlockingChannel, kind: str
) -> None:
    declare(owner, kind)
    send(owner, "good", "bad")
    with Stage(env) as stage:
        daemon = stage.start("daemon")
        stage.watch()
        stage.start("worker")
        events = stage.subjects({"good", "bad"})
        assert {each["source"] for each in events} == {"/tonebus/crm"}
        until(lambda: owner.queue_declare(QUEUE, passive=True).method.message_count == 0)
        owner.basic_publish("", QUEUE, "no JSON at all")
        until(lambda: stage.depth("sentiment.parked") == 1)
        env_: dict[str, Any] = env
        found = CliRunner().invoke(tonebus, ["parked", "replay", "--yes"], env=env_)
        assert "1 replayed, of 1 parked" in found.output, found.output
        # back in the queue of others, and parked again
        until(lambda: stage.depth("sentiment.parked") == 1)
        assert daemon.stop() == 0
    broker = patient_broker(env["TONEBUS_BROKER_URL"])
    broker.connect()
    assert not exists(broker, "queue", "sentiment.source.crm")
    assert not exists(broker, "exchange", "sentiment.input")
    broker.close()


def test_a_consumer_of_lower_priority_gets_nothing_while_ours_has_room(
    env: dict[str, str], owner: BlockingChannel
) -> None:
    declare(owner, "quorum")
    taken: list[bytes] = []
    owner.basic_consume(QUEUE, lambda *message: taken.append(message[-1]), auto_ack=True)
    with Stage(env) as stage:
        stage.start("daemon")
        stage.watch()
        stage.start("worker")
        texts = [f"number {n}" for n in range(20)]
        send(owner, *texts)
        stage.subjects(set(texts))
        owner.connection.process_data_events(time_limit=0)
    assert taken == []


def refusal(env: dict[str, str]) -> str:
    with running("daemon", env=env, ready="") as daemon:
        assert daemon.popen.wait(60) == EX_CONFIG
        return daemon.log.read_text(encoding="utf-8")


def test_a_queue_that_is_missing_is_named(env: dict[str, str]) -> None:
    said = refusal(env)
    assert QUEUE in said
    assert "its owner" in said


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_queue_that_another_client_has_to_itself_is_named(
    env: dict[str, str], owner: BlockingChannel, *, exclusive: bool
) -> None:
    owner.queue_declare(QUEUE, durable=not exclusive, exclusive=exclusive)
    if not exclusive:
        owner.basic_consume(QUEUE, lambda *_: None, exclusive=True)
    said = refusal(env)
    assert QUEUE in said
    assert "another client has the queue to itself" in said


@pytest.mark.parametrize("managed", ["true", "false"])
def test_a_stream_without_an_offset_is_refused_before_anything_of_it_is_skipped(
    env: dict[str, str], owner: BlockingChannel, managed: str
) -> None:
    declare(owner, "stream")
    root: dict[str, Any] = env
    if managed == "false":
        other = {**root, "TONEBUS_CONFIG": "/dev/null"}
        assert CliRunner().invoke(tonebus, ["topology", "apply"], env=other).exit_code == 0
        owner.queue_declare(
            f"sentiment.score.{models.NAME}", durable=True,
            arguments={"x-queue-type": "classic", "x-max-priority": 1},
        )  # fmt: skip
    assert "is a stream" in refusal(env | {"TONEBUS_BROKER_MANAGE_TOPOLOGY": managed})


def test_the_right_to_read_it_is_enough(
    env: dict[str, str], own_broker_url: str, owner: BlockingChannel
) -> None:
    declare(owner, "quorum")
    root: dict[str, Any] = env
    assert CliRunner().invoke(tonebus, ["topology", "apply"], env=root).exit_code == 0
    parts = pika.URLParameters(own_broker_url)
    user, admin = f"tonebus-test-{uuid.uuid4().hex[:8]}", administration()
    admin.add_user(user, "secret")
    try:
        own = r"sentiment\..*|amq\.gen-.*"
        rights = (f"^({own})$", f"^({own}|amq\\.default)$", f"^({own}|crm\\.comments)$")
        admin.permit(parts.virtual_host, user, rights)
        url = f"amqp://{user}:secret@{parts.host}:{parts.port}/{parts.virtual_host}"
        with Stage(env) as stage:
            stage.start("daemon", TONEBUS_BROKER_URL=url)
            stage.watch()
            stage.start("worker")
            send(owner, "good")
            stage.subjects({"good"})
    finally:
        admin.delete_user(user)


def test_a_text_is_published_to_the_queue_itself(
    env: dict[str, str], owner: BlockingChannel
) -> None:
    declare(owner, "quorum")
    variables: dict[str, Any] = env
    ran = CliRunner().invoke(tonebus, ["publish", "good"], env=variables)
    assert ran.exit_code == 0, ran.output
    until(lambda: owner.queue_declare(QUEUE, passive=True).method.message_count == 1)


def test_what_is_declared_of_it_is_nothing_and_the_contract_names_it(env: dict[str, str]) -> None:
    variables: dict[str, Any] = env
    told = json.loads(CliRunner().invoke(tonebus, ["topology", "export"], env=variables).output)
    assert QUEUE not in str(told)
    told = json.loads(CliRunner().invoke(tonebus, ["schema", "asyncapi"], env=variables).output)
    assert QUEUE in {channel["address"] for channel in told["channels"].values()}
