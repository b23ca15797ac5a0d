"""`tonebus parked`, against a real RabbitMQ: nothing is lost, whenever it is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys

from click.testing import CliRunner

from connectors.amqp import topology
from connectors.parking import park as parking
from connectors.parking.park import Reason
from daemon.cli import tonebus
from tests.daemon.cli.parked_bench import SOURCE, Bench, redelivered
from tests.processes import ROOT
from tests.waiting import until


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
    assert again.replayed.replays == 1


def test_replays_are_counted_and_the_first_failure_is_kept(bench: Bench) -> None:
    bench.park(b"{", texts=(1, 3))
    [first] = bench.listed()
    for replays in (1, 2):
        bench.run("replay", "--yes")
        [message] = bench.take(SOURCE)
        again = redelivered(message)
        assert again.replayed.texts == {1, 3}
        bench.publish(parking.message(again, Reason("json", "map", texts=(1, 3))))
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
    until(lambda: bench.depth(topology.PARKED) == 2)
    assert "1 purged, of 2" in bench.run("purge", "--reason", "empty", "--yes").output
    until(lambda: bench.depth(topology.PARKED) == 1)
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


def test_a_virtual_host_without_tonebus_is_said_to_be_one(own_broker_url: str) -> None:
    result = CliRunner().invoke(
        tonebus, ["parked", "list"], env={"TONEBUS_BROKER_URL": own_broker_url}
    )
    assert "NOT_FOUND" in str(result.exception)
    assert "`tonebus topology apply`" in str(result.exception)
