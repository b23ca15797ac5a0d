"""Queues that vanish, exchanges that others declared, permissions that are missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pika
import pytest

from connectors.amqp.topology import PARKED, RESULTS, source_queue
from tests import models
from tests.hostile.bus import CANARY, Bus
from tests.hostile.conftest import housed
from tests.processes import running

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.conftest import Node

EX_CONFIG = 78


def test_a_deleted_source_queue_is_declared_again(room: dict[str, str]) -> None:
    with housed(room) as house:
        bus = house.bus
        bus.event(bus.say(CANARY))
        bus.delete(source_queue("input"))
        assert house.daemon.wait_for("consumer_ended")["reason"] == "deleted"
        bus.await_queue(source_queue("input"))
        bus.event(bus.say(f"{CANARY} again"))
        assert house.daemon.popen.poll() is None


def test_a_deleted_scoring_queue_is_declared_again(room: dict[str, str]) -> None:
    # the request went with the queue, and is sent again when its time is up
    with housed(room | {"TONEBUS_DAEMON_SCORE_TIMEOUT": "8"}) as house:
        bus = house.bus
        bus.event(bus.say(CANARY))
        bus.delete(f"sentiment.score.{models.NAME}")
        bus.event(bus.say(f"{CANARY} again"))
        assert house.daemon.popen.poll() is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [("exchange", RESULTS), ("queue", source_queue("input")), ("queue", PARKED)],
)
def test_what_others_declared_otherwise_is_named_with_the_fix(
    room: dict[str, str], kind: str, name: str
) -> None:
    channel = _channel(room)
    if kind == "exchange":
        channel.exchange_declare(name, "direct")
    else:
        channel.queue_declare(name)
    said = _refusal(room)
    assert name in said
    assert "PRECONDITION_FAILED" in said
    assert "Fix:" in said


def test_a_missing_permission_is_named_with_the_fix(node: Node, room: dict[str, str]) -> None:
    vhost = room["TONEBUS_BROKER_URL"].rpartition("/")[2]
    node.broker.ctl("set_permissions", "--vhost", vhost, "guest", "^amq.*", ".*", ".*")
    said = _refusal(room)
    assert "ACCESS_REFUSED" in said
    assert "Fix:" in said
    assert "permission" in said


def test_a_wrong_password_is_said_without_the_password(room: dict[str, str]) -> None:
    url = room["TONEBUS_BROKER_URL"].replace("guest:guest", "guest:hunter2")
    said = _refusal(room | {"TONEBUS_BROKER_URL": url})
    assert "Fix:" in said
    assert "hunter2" not in said


def test_a_worker_with_another_revision_tells_its_own(room: dict[str, str], tmp_path: Path) -> None:
    other = models.save(tmp_path / "other")
    card = json.loads((other / "tonebus.json").read_text(encoding="utf-8"))
    (other / "tonebus.json").write_text(json.dumps(card | {"temperature": 2.0}), encoding="utf-8")
    # in Redis, which tests share, the usual one may be known already
    text = f"{CANARY} under another revision"
    path = tmp_path / "other.toml"
    path.write_text(models.toml(other), encoding="utf-8")
    with running("daemon", env=room):
        bus = Bus(room["TONEBUS_BROKER_URL"])
        with running("worker", env=room | {"TONEBUS_CONFIG": str(path)}) as worker:
            told: dict[str, Any] = bus.event(bus.say(text))["data"]
            assert told["model"]["revision"] == worker.events("worker_ready")[0]["revision"]
        with running("worker", env=room) as worker:
            data = bus.event(bus.say(text))["data"]
            assert data["model"]["revision"] == worker.events("worker_ready")[0]["revision"]
            assert not data["cached"]
            assert data["scores"] != told["scores"]
        bus.close()


def test_four_million_characters_are_cut_first(room: dict[str, str]) -> None:
    limit = {"TONEBUS_DAEMON_MAX_BODY_BYTES": "5000000", "TONEBUS_BROKER_PREFETCH": "50"}
    with housed(room | limit) as house, house.bus.good_neighbours():
        event = house.bus.event(house.bus.say("good day " * 450_000))
        assert event["data"]["truncated"]


def _channel(room: dict[str, str]) -> Any:
    return pika.BlockingConnection(pika.URLParameters(room["TONEBUS_BROKER_URL"])).channel()


def _refusal(room: dict[str, str]) -> str:
    """Start a daemon that must refuse; return what it said."""
    with running("daemon", env=room, ready="") as daemon:
        assert daemon.popen.wait(60) == EX_CONFIG
        return daemon.log.read_text(encoding="utf-8")
