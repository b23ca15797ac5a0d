"""`tonebus parked`, against a real RabbitMQ: nothing is lost, whenever it is interrupted."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import amqp
import pytest
from click.testing import CliRunner

from connectors.amqp import topology
from connectors.amqp.connection import Broker
from connectors.amqp.publisher import Sink
from connectors.delivery import Delivery
from connectors.messages import Letter
from connectors.parking import park as parking
from connectors.parking.park import Reason
from connectors.parking.parked_queue import ParkedQueue
from daemon.cli import tonebus
from tests.hostile import frames
from tests.hostile.bus import raw
from tests.hostile.frames import ODD, UNREADABLE
from tests.messages import Desk, delivery
from tests.processes import ROOT
from tests.rooms import own_vhost
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from click.testing import Result

SOURCE = topology.source_queue("input")


class Bench:
    """A virtual host with Tonebus's exchanges and queues, and ways to fill and look at them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.broker = Broker(url, name="test", heartbeat=0, connect_timeout=5)
        self.broker.connect()
        topology.apply(
            self.broker, topology.results(), topology.source("input", "sentiment.input", ["#"])
        )
        self._sink: Sink[None] = Sink(self.broker)

    def publish(self, letter: Letter) -> None:
        self._sink.publish(letter, None)
        until(lambda: not self._sink.unconfirmed, lambda: self.broker.wait(0.1))

    def park(self, body: bytes, code: str = "json", **more: Any) -> None:
        reason = Reason(code, "map", detail="why", **more)
        message = delivery(body, message_id="m-1", headers={"tenant": "acme"})
        self.publish(parking.letter(message, reason))

    def send(
        self, body: bytes, headers: dict[str, Any], exchange: str = topology.PARKED, **more: Any
    ) -> None:
        """Publish as anybody may who has the right to write there."""
        properties = {"application_headers": headers, **more}
        self.publish(Letter(exchange, "input", body, properties))

    def forge(self, body: bytes, properties: Mapping[str, bytes]) -> None:
        """Publish to the parked queue what client libraries refuse to encode, and see it there."""
        before = self.depth(topology.PARKED)
        with raw(self.url) as channel:
            frames.publish(
                channel, body, properties, exchange=topology.PARKED.encode(), routing_key=b"input"
            )
            until(lambda: self.depth(topology.PARKED) > before)

    def depth(self, queue: str) -> int:
        channel = self.broker.channel()
        found = channel.queue_declare(queue, passive=True).message_count
        channel.close()
        return int(found)

    def take(self, queue: str) -> list[Any]:
        channel = self.broker.channel()
        taken = []
        while message := channel.basic_get(queue, no_ack=True):
            taken.append(message)
        channel.close()
        return taken

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(
            tonebus, ["parked", *arguments], env={"TONEBUS_BROKER_URL": self.url},
        )  # fmt: skip

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        result = self.run("list", "--json", *arguments)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module")
def vhost(broker_url: str) -> Iterator[str]:
    """A virtual host for this file: queues have fixed names, and are emptied after each test."""
    assert broker_url
    with own_vhost() as url:
        yield url


@pytest.fixture
def bench(vhost: str) -> Iterator[Bench]:
    bench = Bench(vhost)
    yield bench
    for queue in (topology.PARKED, SOURCE):
        with contextlib.suppress(amqp.NotFound):
            bench.broker.channel().queue_purge(queue)
    bench.broker.close()


def redelivered(message: Any) -> Delivery:
    """What the daemon would make of a message in its source queue."""
    return Delivery(
        Desk(), 1, connector="input", body=bytes(message.body), properties=message.properties,
        exchange=message.delivery_info["exchange"],
        routing_key=message.delivery_info["routing_key"], redelivered=False,
    )  # fmt: skip


def test_what_is_parked_is_listed_and_stays(bench: Bench) -> None:
    bench.park(b"{", "json")
    bench.park(b"[]", "no-text-field")
    found = bench.listed()
    assert [(each["code"], each["connector"], each["routing_key"]) for each in found] == [
        ("json", "input", "some.key"),
        ("no-text-field", "input", "some.key"),
    ]
    assert "body" not in found[0]
    until(lambda: bench.depth(topology.PARKED) == 2)
    assert "2 shown of 2 parked" in bench.run("list").output


def test_it_may_be_looked_at_any_number_of_times(bench: Bench) -> None:
    bench.park(b"{")
    for _ in range(25):
        assert len(bench.listed()) == 1
    until(lambda: bench.depth(topology.PARKED) == 1)


def test_filters_choose(bench: Bench) -> None:
    for code in ("json", "poison", "json"):
        bench.park(b"{", code)
    assert len(bench.listed("--reason", "json")) == 2
    assert len(bench.listed("--reason", "json", "--limit", "1")) == 1
    assert len(bench.listed("--connector", "chat")) == 0
    assert len(bench.listed("--routing-key", "some.*")) == 3
    assert len(bench.listed("--routing-key", "other.#")) == 0
    assert len(bench.listed("--newer-than", "1h")) == 3
    assert len(bench.listed("--older-than", "1h")) == 0
    assert bench.run("list", "--older-than", "soon").exit_code == 2


def test_a_body_is_shown_only_on_demand(bench: Bench) -> None:
    bench.park(b'{"canary\x1b[31m')
    [found] = bench.listed()
    shown = bench.run("show", found["key"])
    assert "canary" not in shown.output
    assert '"tenant": "acme"' in shown.output
    assert "canary" in bench.run("show", found["key"], "--body").output
    assert "\x1b" not in bench.run("show", found["key"], "--body").output
    assert "no parked message has the key" in bench.run("show", "zz").output


def test_a_replay_brings_the_message_back_as_its_upstream_sent_it(bench: Bench) -> None:
    bench.park(b'{"text": "good"}')
    result = bench.run("replay", "--yes")
    assert "1 replayed, of 1 parked" in result.output
    assert bench.depth(topology.PARKED) == 0
    [message] = bench.take(SOURCE)
    assert bytes(message.body) == b'{"text": "good"}'
    assert message.properties["message_id"] == "m-1"
    again = redelivered(message)
    assert (again.exchange, again.routing_key) == ("sentiment.input", "some.key")
    assert again.headers["tenant"] == "acme"
    assert again.replayed.times == 1


def test_replays_are_counted_and_the_first_failure_is_kept(bench: Bench) -> None:
    bench.park(b"{", texts=(1, 3))
    [first] = bench.listed()
    for replays in (1, 2):
        bench.run("replay", "--yes")
        [message] = bench.take(SOURCE)
        again = redelivered(message)
        assert again.replayed.texts == {1, 3}
        bench.publish(parking.letter(again, Reason("json", "map", texts=(1, 3))))
        [found] = bench.listed()
        assert found["replays"] == replays
        assert found["first_failure"] == first["first_failure"]
        assert (found["exchange"], found["routing_key"]) == ("sentiment.input", "some.key")


def test_what_is_not_meant_stays_where_it_is(bench: Bench) -> None:
    for code in ("json", "poison", "json", "empty"):
        bench.park(code.encode(), code)
    assert "2 replayed, of 4" in bench.run("replay", "--reason", "json", "--yes").output
    until(lambda: bench.depth(topology.PARKED) == 2)
    assert [each["code"] for each in bench.listed()] == ["poison", "empty"]
    assert "1 purged, of 2" in bench.run("purge", "--reason", "empty", "--yes").output
    assert [each["code"] for each in bench.listed()] == ["poison"]


def test_a_dry_run_changes_nothing(bench: Bench) -> None:
    bench.park(b"{")
    assert "1 would be replayed" in bench.run("replay", "--dry-run").output
    assert "1 would be purged" in bench.run("purge", "--dry-run").output
    until(lambda: bench.depth(topology.PARKED) == 1)
    assert bench.depth(SOURCE) == 0


def test_without_yes_it_asks(bench: Bench) -> None:
    bench.park(b"{")
    result = bench.run("purge")
    assert result.exit_code == 1
    assert "1 messages are parked; those all will be purged. Go on?" in result.output
    until(lambda: bench.depth(topology.PARKED) == 1)


def test_a_message_whose_queue_is_gone_stays_parked_and_the_tool_says_so(bench: Bench) -> None:
    bench.park(b"{")
    bench.broker.channel().queue_delete(SOURCE)
    result = bench.run("replay", "--yes")
    assert "queue 'sentiment.source.input' does not exist. Fix:" in str(result.exception)
    assert "0 replayed" in result.output
    until(lambda: bench.depth(topology.PARKED) == 1)


def test_nothing_is_lost_when_the_tool_is_killed_half_way(bench: Bench) -> None:
    for place in range(60):
        bench.park(str(place).encode())
    tool = subprocess.Popen(
        [sys.executable, "-m", "daemon.cli", "parked", "replay", "--yes", "--rate", "40"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TONEBUS_BROKER_URL": bench.url},
    )
    until(lambda: bench.depth(SOURCE) >= 10, timeout=60)
    tool.send_signal(signal.SIGKILL)
    tool.wait()
    # what the tool held comes back once RabbitMQ has seen its connection end
    until(lambda: bench.depth(SOURCE) + bench.depth(topology.PARKED) >= 60)
    assert bench.depth(topology.PARKED) > 0
    assert bench.run("replay", "--yes").exit_code == 0
    bodies = [message.body for message in bench.take(SOURCE)]
    # one at most was on its way when the tool was killed
    assert len(bodies) in {60, 61}
    assert {int(body) for body in bodies} == set(range(60))


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
    assert found["detail"] == "by RabbitMQ: a client rejected it"
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
    assert found["code"] == "delivery-limit"
    assert found["detail"] == "by RabbitMQ: its headers cannot be read"
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
        again = [redelivered(message).replayed.times for message in bench.take(SOURCE)]
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


# Where a replay goes ----------------------------------------------------------------------------


def test_a_replay_sends_no_copies_elsewhere(bench: Bench) -> None:
    channel = bench.broker.channel()
    for queue in ("copies", "blind"):
        channel.queue_declare(queue, exclusive=True)
    copies = {"CC": ["copies"], "BCC": ["blind"], "cc": "a mail's own"}
    message = delivery(b"{", message_id="m-1", headers=copies)
    bench.publish(parking.letter(message, Reason("json", "map")))
    assert "1 replayed" in bench.run("replay", "--yes").output
    [again] = bench.take(SOURCE)
    headers = redelivered(again).headers
    assert not {"CC", "BCC"} & headers.keys()
    assert headers["cc"] == "a mail's own"
    assert bench.depth("copies") == bench.depth("blind") == 0


def test_a_replay_goes_to_the_queue_of_its_connector_whatever_a_header_names(bench: Bench) -> None:
    channel = bench.broker.channel()
    for victim in ("victim", "sentiment.source.victim", topology.UNROUTED):
        channel.queue_declare(victim, durable=True, passive=victim == topology.UNROUTED)
        bench.send(b"{", {"tonebus-code": "json", "tonebus-connector": "input",
                          "tonebus-queue": victim})  # fmt: skip
        assert "1 replayed" in bench.run("replay", "--yes").output
        assert len(bench.take(SOURCE)) == 1
        assert bench.depth(victim) == 0
    for victim in ("victim", "sentiment.source.victim"):
        channel.queue_delete(victim)


def test_messages_of_other_settings_stay_parked_and_the_tool_says_so(bench: Bench) -> None:
    bench.send(b"{", {"tonebus-code": "json", "tonebus-connector": "chat"})
    bench.park(b"{")
    result = bench.run("replay", "--yes")
    assert result.exit_code == 1
    assert "1 replayed, of 2 parked" in result.output
    assert "messages of chat stay parked: no connector here has that name. Fix:" in result.output
    until(lambda: bench.depth(topology.PARKED) == 1)


# Long replays -----------------------------------------------------------------------------------


def numbers(messages: list[Any]) -> list[int]:
    return [int(message.body) for message in messages]


def test_a_replay_keeps_its_rate(bench: Bench) -> None:
    for place in range(10):
        bench.park(str(place).encode())
    begun = time.monotonic()
    assert "10 replayed" in bench.run("replay", "--yes", "--rate", "5").output
    # a slow machine makes it slower, and nothing may make it faster
    assert time.monotonic() - begun > 10 / 5
    assert numbers(bench.take(SOURCE)) == list(range(10))


def test_what_is_only_passed_over_is_given_back_while_a_replay_goes_on(bench: Bench) -> None:
    for place in range(40):
        bench.park(str(place).encode(), "json" if place % 2 else "poison")
    queue = ParkedQueue(bench.broker, hold=0.0)
    for each in queue:
        if each.code == "json":
            queue.replay(each, SOURCE)
    queue.close()
    assert numbers(bench.take(SOURCE)) == list(range(1, 40, 2))
    until(lambda: bench.depth(topology.PARKED) == 20)
    left = bench.take(topology.PARKED)
    assert numbers(left) == list(range(0, 40, 2))
    # RabbitMQ counts how often it got a message back
    counts = [message.properties["application_headers"]["x-delivery-count"] for message in left]
    assert counts[0] > 10
    assert counts == sorted(counts, reverse=True)


def test_a_long_sleep_holds_nothing(bench: Bench) -> None:
    for place in range(3):
        bench.park(str(place).encode())
    now = 100.0

    def clock() -> float:
        nonlocal now
        now += 1
        return now

    queue = ParkedQueue(bench.broker, hold=10.0, clock=clock)
    seen = [next(iter(queue)).body]
    queue.sleep_until(now + 30)
    assert bench.depth(topology.PARKED) == 3
    seen += [each.body for each in queue]
    queue.close()
    assert seen == [b"0", b"1", b"2"]


def test_what_is_parked_again_meanwhile_is_not_replayed_again(bench: Bench) -> None:
    for place in range(5):
        bench.park(str(place).encode())
    queue = ParkedQueue(bench.broker, hold=0.0)
    seen = []
    for each in queue:
        seen.append(int(each.body))
        queue.replay(each, SOURCE)
        [message] = bench.take(SOURCE)
        bench.publish(parking.letter(redelivered(message), Reason("json", "map")))
    queue.close()
    assert seen == list(range(5))
    until(lambda: bench.depth(topology.PARKED) == 5)


def test_a_virtual_host_without_tonebus_is_said_to_be_one(own_broker_url: str) -> None:
    result = CliRunner().invoke(
        tonebus, ["parked", "list"], env={"TONEBUS_BROKER_URL": own_broker_url}
    )
    assert "NOT_FOUND" in str(result.exception)
    assert "`tonebus topology apply`" in str(result.exception)
