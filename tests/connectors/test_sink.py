"""Confirms: each letter's own, whatever order and grouping the broker chooses."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.amqp.connection import Broker
from connectors.amqp.publisher import Sink
from connectors.errors import Unavailable
from connectors.messages import Letter
from tests.connectors.scripted import Channel, line
from tests.waiting import until

LETTER = Letter("sentiment.results", "input.negative", b"{}", {"message_id": "m-1"})


def publishing(count: int) -> tuple[Sink[int], Channel]:
    """Letters sent, with their delivery tags for parcels."""
    broker, channel = line()
    sink: Sink[int] = Sink(broker)
    for tag in range(1, count + 1):
        sink.publish(LETTER, tag)
    return sink, channel


def test_a_letter_is_persistent_and_mandatory() -> None:
    _, channel = publishing(1)
    assert channel.confirming
    [(message, how)] = channel.published
    assert message.properties["delivery_mode"] == 2
    assert message.properties["message_id"] == "m-1"
    assert how == {
        "exchange": "sentiment.results",
        "routing_key": "input.negative",
        "mandatory": True,
    }


def test_without_a_confirm_nothing_is_safe() -> None:
    sink, _ = publishing(3)
    assert sink.outcomes() == []
    assert sink.unconfirmed == 3


def test_a_confirm_is_for_its_own_letter() -> None:
    sink, channel = publishing(3)
    channel.say("basic_ack", 2, False)
    assert sink.outcomes() == [(2, True)]
    assert sink.unconfirmed == 2


def test_a_multiple_confirm_is_for_all_up_to_it() -> None:
    sink, channel = publishing(5)
    channel.say("basic_ack", 2, False)
    channel.say("basic_ack", 4, True)
    assert sink.outcomes() == [(2, True), (1, True), (3, True), (4, True)]
    assert sink.unconfirmed == 1


def test_a_nack_is_not_safe() -> None:
    sink, channel = publishing(4)
    channel.say("basic_nack", 3, False)
    channel.say("basic_nack", 2, True)
    channel.say("basic_ack", 4, True)
    assert sink.outcomes() == [(3, False), (1, False), (2, False), (4, True)]


def test_a_late_or_unknown_confirm_is_for_nobody() -> None:
    sink, channel = publishing(2)
    channel.say("basic_ack", 1, False)
    channel.say("basic_ack", 1, False)
    channel.say("basic_nack", 1, True)
    channel.say("basic_ack", 99, False)
    assert sink.outcomes() == [(1, True)]
    assert sink.unconfirmed == 1


def test_after_a_return_no_confirm_is_believed() -> None:
    sink, channel = publishing(3)
    channel.say("basic_return", Exception("NO_ROUTE"), "sentiment.results", "key", object())
    channel.say("basic_ack", 3, True)
    for _ in range(2):
        with pytest.raises(Unavailable, match=r"sentiment\.results"):
            sink.outcomes()


@given(st.data())
def test_each_letter_has_exactly_one_outcome_and_the_one_it_was_given(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    sink, channel = publishing(count)
    open_tags = list(range(1, count + 1))
    wanted: list[tuple[int, bool]] = []
    found: list[tuple[int, bool]] = []
    while open_tags:
        tag = data.draw(st.sampled_from(open_tags))
        multiple, safe = data.draw(st.booleans()), data.draw(st.booleans())
        told = [each for each in open_tags if each == tag or (multiple and each <= tag)]
        open_tags = [each for each in open_tags if each not in told]
        wanted += [(each, safe) for each in told]
        channel.say("basic_ack" if safe else "basic_nack", tag, multiple)
        found += sink.outcomes()
        assert sink.unconfirmed == len(open_tags)
    assert sorted(found) == sorted(wanted)


def test_what_a_full_queue_refuses_is_not_safe(broker_url: str) -> None:
    broker = Broker(broker_url, name="tests", heartbeat=10, connect_timeout=5)
    broker.connect()
    channel, queue = broker.channel(), f"full-{uuid.uuid4().hex}"
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    broker.attempt(channel.queue_declare, queue, exclusive=True, arguments=full)
    sink: Sink[int] = Sink(broker)
    for n in range(3):
        sink.publish(Letter("", queue, b"{}", {}), n)
        until(lambda: not sink.unconfirmed, lambda: broker.wait(0.1))
    assert sink.outcomes() == [(0, True), (1, False), (2, False)]
    broker.close()
