"""`tonebus parked` reads whatever stands in the queue, and says why RabbitMQ parked it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import amqp
import pytest

from connectors.amqp import topology
from connectors.parking import park as parking
from tests.daemon.cli.parked_bench import SOURCE, Bench, redelivered
from tests.hostile.frames import ODD, UNREADABLE
from tests.waiting import until


def test_what_rabbitmq_itself_parked_is_replayed_without_its_deaths(bench: Bench) -> None:
    channel = bench.broker.channel()
    body = amqp.Message(b'{"text": "good"}', message_id="m-1", application_headers={"tenant": "a"})
    channel.basic_publish(body, exchange="sentiment.input", routing_key="ticket.new")
    bench.broker.wait(0.1)
    until(lambda: bench.depth(SOURCE) == 1)
    channel.basic_reject(channel.basic_get(SOURCE).delivery_tag, requeue=False)
    bench.broker.wait(0.1)
    until(lambda: bench.depth(topology.PARKED) == 1)
    [found] = bench.listed()
    assert (found["code"], found["routing_key"]) == ("rejected", "ticket.new")
    assert (
        found["detail"]
        == "by RabbitMQ: a client rejected it, or a daemon did (too many bytes, bad headers)"
    )
    assert datetime.now(UTC) - datetime.fromisoformat(found["last_failure"]) < timedelta(minutes=5)
    bench.run("replay", "--yes")
    [message] = bench.take(SOURCE)
    headers = dict(redelivered(message).headers)
    # the source queue itself starts to count
    assert headers.pop("x-delivery-count", 0) == 0
    assert not [name for name in headers if name.startswith(parking.DEATH)]
    assert headers["tenant"] == "a"


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_message_that_no_client_can_read_is_listed_and_can_be_replayed(
    bench: Bench, name: str
) -> None:
    bench.forge(b'{"text": "good"}', UNREADABLE[name])
    [found] = bench.listed()
    assert found["code"] == "headers"
    assert found["detail"] == "by RabbitMQ: its properties cannot be read"
    assert "1 replayed" in bench.run("replay", "--yes").output
    [again] = bench.take(SOURCE)
    assert redelivered(again).body == b'{"text": "good"}'


# Any header ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ODD)
def test_a_message_with_odd_properties_is_shown_and_replayed(bench: Bench, name: str) -> None:
    bench.forge(b"{", ODD[name])
    [found] = bench.listed()
    assert found["code"] == "foreign"
    assert bench.run("list").exit_code == 0
    shown = bench.run("show", found["key"], "--body", "--json")
    assert json.loads(shown.output)["body"] == "{"
    assert "1 replayed, of 1" in bench.run("replay", "--yes").output
    assert [bytes(each.body) for each in bench.take(SOURCE)] == [b"{"]


LONG = "9" * 5_000
OWN = (
    "code", "stage", "detail", "attempts", "connector", "exchange", "queue", "routing-key",
    "first-failure", "last-failure", "model-revision", "headers", "replays", "texts",
)  # fmt: skip


VALUES: list[Any] = [LONG, 2**63 - 1, -(2**63), True, None, 1.5, [LONG], {"a": LONG}]


@pytest.mark.parametrize("name", OWN)
def test_a_header_of_ours_that_others_wrote_is_shown_and_replayed(bench: Bench, name: str) -> None:
    good = {"tonebus-code": "json", "tonebus-connector": "input", "tonebus-headers": {"a": 1}}
    for value in VALUES:
        bench.send(b"{", good | {f"tonebus-{name}": value})
    found = bench.listed()
    assert len(found) == len(VALUES)
    assert bench.run("list").exit_code == 0
    assert bench.run("show", found[0]["key"]).exit_code == 0
    replayed = bench.run("replay", "--yes")
    if name == "connector":
        assert "no connector here has that name" in replayed.output
        assert bench.depth(SOURCE) == 0
    else:
        assert f"{len(VALUES)} replayed, of {len(VALUES)}" in replayed.output
        again = [redelivered(message).replayed.replays for message in bench.take(SOURCE)]
        assert len(again) == len(VALUES)
        assert min(again) >= 1


def test_no_header_drives_the_terminal(bench: Bench) -> None:
    bench.send(b"{", {f"tonebus-{name}": "\x1b[31mred\n" for name in OWN})
    assert "\x1b" not in bench.run("list").output
    assert "\x1b" not in bench.run("show", bench.listed()[0]["key"]).output
    assert "\x1b" not in bench.run("replay", "--yes").output


# What RabbitMQ parked ---------------------------------------------------------------------------


def await_parked(bench: Bench) -> dict[str, Any]:
    until(lambda: bench.depth(topology.PARKED) == 1)
    [found] = bench.listed()
    return found


def test_a_message_that_expired_is_shown_as_expired(bench: Bench) -> None:
    bench.send(b"{}", {"tenant": "acme"}, exchange="sentiment.input", expiration="1")
    found = await_parked(bench)
    assert (found["code"], found["connector"], found["exchange"], found["routing_key"]) == (
        "expired", "input", "sentiment.input", "input",
    )  # fmt: skip
    assert found["detail"] == "by RabbitMQ: it expired before a daemon could take it"
    assert [each["code"] for each in bench.listed("--reason", "expired")] == ["expired"]
    assert "1 replayed" in bench.run("replay", "--yes").output
    [again] = bench.take(SOURCE)
    assert "expiration" not in again.properties


def test_a_message_over_the_delivery_limit_is_shown_as_that(bench: Bench) -> None:
    bench.send(b"{}", {}, exchange="sentiment.input")
    channel = bench.broker.channel()

    def give_back() -> None:
        if message := channel.basic_get(SOURCE):
            channel.basic_reject(message.delivery_tag, requeue=True)

    until(lambda: bench.depth(topology.PARKED) == 1, give_back)
    found = await_parked(bench)
    assert found["code"] == "delivery-limit"
    assert found["detail"] == "by RabbitMQ: each delivery of it ended in a lost connection"


def test_a_message_of_a_full_queue_is_shown_as_that(bench: Bench) -> None:
    death = {"reason": "maxlen", "queue": SOURCE, "exchange": "e", "routing-keys": ["k"]}
    older = {"reason": "expired", "queue": "somebody.elses", "exchange": "f", "routing-keys": []}
    bench.send(b"{}", {"x-death": [older, death]})
    found = await_parked(bench)
    assert (found["code"], found["exchange"], found["routing_key"]) == ("maxlen", "e", "k")
