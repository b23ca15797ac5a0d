"""A replay goes to its connector alone, at its rate, and holds nothing for long."""

from __future__ import annotations

import time
from typing import Any

from connectors.amqp import topology
from connectors.parking import park as parking
from connectors.parking.park import Reason
from connectors.parking.parked_queue import ParkedQueue
from tests.daemon.cli.parked_bench import SOURCE, Bench, redelivered
from tests.messages import delivery
from tests.waiting import until

# Where a replay goes ----------------------------------------------------------------------------


def test_a_replay_sends_no_copies_elsewhere(bench: Bench) -> None:
    channel = bench.broker.channel()
    for queue in ("copies", "blind"):
        channel.queue_declare(queue, exclusive=True)
    copies = {"CC": ["copies"], "BCC": ["blind"], "cc": "a mail's own"}
    message = delivery(b"{", message_id="m-1", headers=copies)
    bench.publish(parking.message(message, Reason("json", "map")))
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
    # RabbitMQ counts how often it got a message back: as deliveries, and since 4.3 apart from them
    found = [message.properties["application_headers"] for message in left]
    counts = [each.get("x-acquired-count", each.get("x-delivery-count")) for each in found]
    assert counts[0] > 10
    assert counts == sorted(counts, reverse=True)


def test_a_long_sleep_holds_nothing(bench: Bench) -> None:
    for place in range(3):
        bench.park(str(place).encode())
    now, step = 100.0, 1.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    queue = ParkedQueue(bench.broker, hold=10.0, clock=clock)
    seen = [next(iter(queue)).body]
    step = 10.0
    queue.sleep_until(now + 30)
    step = 1.0
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
        bench.publish(parking.message(redelivered(message), Reason("json", "map")))
    queue.close()
    assert seen == list(range(5))
    until(lambda: bench.depth(topology.PARKED) == 5)
