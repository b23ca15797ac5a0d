"""What `tonebus doctor` says of the broker's version and settings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.amqp import topology
from connectors.amqp.features import Features, features
from daemon.checks import broker_settings
from daemon.cli import tonebus
from tests.servers import check_broker
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.daemon.checks.conftest import Room

SOURCE = "sentiment.source.input"


@pytest.fixture
def expected(room: Room) -> Features:
    return features(check_broker(room.url))


def examine(room: Room, *arguments: str, **variables: str) -> dict[str, dict[str, Any]]:
    environment = {"TONEBUS_BROKER_URL": room.url, **variables}
    result = CliRunner().invoke(tonebus, ["doctor", "--json", *arguments], env=environment)
    return {each["check"]: each for each in json.loads(result.output)["checks"]}


def declared(room: Room) -> None:
    environment: dict[str, Any] = {"TONEBUS_BROKER_URL": room.url}
    assert CliRunner().invoke(tonebus, ["topology", "apply"], env=environment).exit_code == 0


def effective(room: Room, queue: str) -> dict[str, Any]:
    """What policies say of a queue, as far as the management API has noticed."""
    found = room.call("GET", f"queues/{room.vhost}/{queue}").get("effective_policy_definition")
    return found or {}


def test_a_broker_in_order_is_said_to_be(room: Room) -> None:
    declared(room)
    found = examine(room, "--management", room.management)
    for check in ("alarms", "default queue type", "policies", "feature flags"):
        assert found[check]["state"] == "ok", found[check]
    assert found["consumer time-out"]["state"] == "unknown"
    assert "rabbitmqctl environment" in found["consumer time-out"]["fix"]


def test_a_policy_that_drops_messages_is_named_with_its_queue(room: Room) -> None:
    declared(room)
    policy = {
        "pattern": "^sentiment[.]source",
        "definition": {"message-ttl": 60000},
        "apply-to": "queues",
    }
    room.call("PUT", f"policies/{room.vhost}/short-lived", policy)
    until(lambda: "message-ttl" in str(room.call("GET", f"queues/{room.vhost}/{SOURCE}")))
    found = examine(room, "--management", room.management)
    warned = found[f"policy on {SOURCE}"]
    assert warned["state"] == "warning"
    assert "short-lived sets message-ttl to 60000" in warned["detail"]
    assert "pattern" in warned["fix"]


def test_a_consumer_time_out_below_what_a_daemon_holds_is_named(
    room: Room, expected: Features
) -> None:
    if not expected.consumer_timeout_policy:
        pytest.skip("no policy can set it in this version")
    declared(room)
    policy = {"pattern": ".*", "definition": {"consumer-timeout": 90000}, "apply-to": "queues"}
    room.call("PUT", f"policies/{room.vhost}/impatient", policy)
    until(lambda: "impatient" in str(room.call("GET", f"queues/{room.vhost}/{SOURCE}")))
    found = examine(room, "--management", room.management)["consumer time-out"]
    assert found["state"] == "warning"
    assert "90 s" in found["detail"]
    assert "cancels the consumer" in found["detail"] or "closes the channel" in found["detail"]


def test_a_consumer_time_out_below_a_forward_is_named(room: Room, expected: Features) -> None:
    if not expected.consumer_timeout_policy:
        pytest.skip("no policy can set it in this version")
    declared(room)
    policy = {
        "pattern": "^sentiment[.]score[.]",
        "definition": {"consumer-timeout": 90000},
        "apply-to": "queues",
    }
    room.call("PUT", f"policies/{room.vhost}/impatient", policy)
    queue = f"queues/{room.vhost}/sentiment.score.default"
    until(lambda: "impatient" in str(room.call("GET", queue)))
    found = examine(room, "--management", room.management, TONEBUS_DAEMON_SCORE_TIMEOUT="600")
    if expected.cancels_on_timeout:
        assert "consumer time-out of workers" not in found, "a classic queue has none there"
        return
    judged = found["consumer time-out of workers"]
    assert judged["state"] == "warning"
    assert "90 s" in judged["detail"]
    assert "600 s" in judged["detail"]
    assert "score_timeout" in judged["fix"]


@pytest.mark.parametrize(("number", "state"), [("3.13.7", "warning"), ("4.3.6", "unknown")])
def test_only_where_classic_queues_have_a_time_out_does_that_of_workers_count(
    number: str, state: str
) -> None:
    queue = topology.scoring_queue("default")
    found = {"effective_policy_definition": {"consumer-timeout": 90_000}}
    (result,) = broker_settings.timeouts([(queue, found)], number, hold=240, forward=600)
    assert result.state == state


def test_the_advice_without_a_policy_counts_what_a_forward_may_take() -> None:
    (result,) = broker_settings.timeouts([], "3.10.8", hold=240, forward=3600)
    assert "3600 s" in result.fix


def test_a_policy_that_our_arguments_overrule_is_no_fault(room: Room) -> None:
    declared(room)
    policy = {
        "pattern": "^sentiment[.]source",
        "definition": {"dead-letter-exchange": "elsewhere", "delivery-limit": 1000},
        "apply-to": "queues",
    }
    room.call("PUT", f"policies/{room.vhost}/harmless", policy)
    until(lambda: "elsewhere" in str(room.call("GET", f"queues/{room.vhost}/{SOURCE}")))
    assert examine(room, "--management", room.management)["policies"]["state"] == "ok"


@pytest.mark.parametrize(
    ("arguments", "policy", "dropped_after"),
    [
        ({"x-delivery-limit": 1}, {}, 1),
        ({"x-delivery-limit": 60}, {"delivery-limit": 3}, 3),
        ({"x-delivery-limit": 60}, {}, None),
        ({"x-delivery-limit": 1, "x-dead-letter-exchange": "theirs"}, {}, None),
        ({"x-delivery-limit": 1}, {"dead-letter-exchange": "theirs"}, None),
        ({}, {}, "default"),
    ],
)
def test_a_queue_of_others_that_soon_drops_what_comes_back_is_named(
    room: Room, expected: Features, arguments: dict[str, Any], policy: dict[str, Any],
    dropped_after: int | str | None, tmp_path: Path,
) -> None:  # fmt: skip
    queue = {"durable": True, "arguments": {"x-queue-type": "quorum", **arguments}}
    room.call("PUT", f"queues/{room.vhost}/theirs", queue)
    if policy:
        body = {"pattern": "^theirs$", "definition": policy, "apply-to": "queues"}
        room.call("PUT", f"policies/{room.vhost}/operators", body)
    until(lambda: policy.items() <= effective(room, "theirs").items())
    config = tmp_path / "tonebus.toml"
    config.write_text('[[connectors]]\nname = "crm"\nqueue = "theirs"\n', encoding="utf-8")
    found = examine(room, "--management", room.management, TONEBUS_CONFIG=str(config))
    if dropped_after == "default":
        dropped_after = expected.default_delivery_limit
    warned = found.get("queue theirs", {}).get("detail", "")
    assert ("drops" in warned) == (dropped_after is not None)
    if dropped_after is not None:
        assert f"more than {dropped_after} times" in warned


def test_an_alarm_is_a_failure(room: Room) -> None:
    room.node.ctl("set_disk_free_limit", "1000000GB")
    try:
        # RabbitMQ says so at once here, and in what it tells of its nodes late or never
        until(lambda: "alarm on node" in room.node.ctl("status"), timeout=60)
        found = examine(room, "--management", room.management)
    finally:
        room.node.ctl("set_disk_free_limit", "50MB")
    assert found["alarms"]["state"] == "failure"
    assert "short of disk space" in found["alarms"]["detail"]
    # known without the management API as well, and without waiting for ever
    assert "blocked publishers" in found["round trip"]["detail"]


def test_the_default_queue_type_of_the_virtual_host_is_told(room: Room, expected: Features) -> None:
    if not expected.default_queue_type:
        pytest.skip("this version has none")
    room.call("PUT", f"vhosts/{room.vhost}", {"default_queue_type": "quorum"})
    found = examine(room, "--management", room.management)
    assert found["default queue type"]["detail"].startswith("quorum")


def test_without_the_management_api_its_checks_are_unknown(room: Room) -> None:
    found = examine(room, "--management", "http://guest:s3cret@127.0.0.1:1")
    assert found["broker"]["state"] == "ok"
    assert found["broker settings"]["state"] == "unknown"
    assert "does not answer" in found["broker settings"]["detail"]
    assert "s3cret" not in str(found)


def test_a_user_without_a_tag_is_told_which_it_takes(room: Room) -> None:
    room.call("PUT", "users/plain", {"password": "secret", "tags": ""})
    management = room.management.replace("guest:guest", "plain:secret")
    found = examine(room, "--management", management)["broker settings"]
    assert found["state"] == "unknown"
    assert "401" in found["detail"]
    assert "tagged monitoring" in found["fix"]


@pytest.mark.parametrize(
    ("told", "states"),
    [
        ("RabbitMQ 3.9.29", ["failure"]),
        ("RabbitMQ 3.10.8", ["ok", "warning"]),
        ("RabbitMQ 4.2.9", ["ok", "warning"]),
        ("RabbitMQ 4.3.6", ["ok"]),
    ],
)
def test_a_version_without_support_is_named(told: str, states: list[str]) -> None:
    found = list(broker_settings.version(told, "amqp://guest@localhost:5672//", 0.1))
    assert [each.state for each in found] == states
