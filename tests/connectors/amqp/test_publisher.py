"""Confirms: each message's own, whatever order and grouping the broker chooses."""

from __future__ import annotations

import urllib.parse
import uuid
from typing import Any, cast

import amqp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.amqp.publisher import Sink
from connectors.messages import OutgoingMessage
from connectors.ports import Fate
from tests.administration import administration
from tests.brokers import patient_broker
from tests.connectors.scripted import Channel, line
from tests.waiting import until

MESSAGE = OutgoingMessage("sentiment.results", "input.negative", b"{}", {"message_id": "m-1"})


def publishing(count: int) -> tuple[Sink[int], Channel]:
    """Letters sent, with their delivery tags for parcels."""
    broker, channel = line()
    sink: Sink[int] = Sink(broker)
    for tag in range(1, count + 1):
        sink.publish(MESSAGE, tag)
    return sink, channel


def said(sink: Sink[int]) -> list[tuple[int, bool]]:
    """What the broker has said: of which message, and whether it is safe."""
    return [(token, fate is Fate.CONFIRMED) for token, fate, _ in sink.outcomes()]


def test_messages_are_published_in_confirm_mode() -> None:
    _, channel = publishing(1)
    assert channel.confirming
    assert channel.published == [MESSAGE]


def test_without_a_confirm_nothing_is_safe() -> None:
    sink, _ = publishing(3)
    assert said(sink) == []
    assert sink.unconfirmed == 3


def test_a_confirm_is_for_its_own_message() -> None:
    sink, channel = publishing(3)
    channel.say("basic_ack", 2, False)
    assert said(sink) == [(2, True)]
    assert sink.unconfirmed == 2


def test_a_multiple_confirm_is_for_all_up_to_it() -> None:
    sink, channel = publishing(5)
    channel.say("basic_ack", 2, False)
    channel.say("basic_ack", 4, True)
    assert said(sink) == [(2, True), (1, True), (3, True), (4, True)]
    assert sink.unconfirmed == 1


def test_a_nack_is_not_safe() -> None:
    sink, channel = publishing(4)
    channel.say("basic_nack", 3, False)
    channel.say("basic_nack", 2, True)
    channel.say("basic_ack", 4, True)
    assert said(sink) == [(3, False), (1, False), (2, False), (4, True)]


def test_a_late_or_unknown_confirm_is_for_nobody() -> None:
    sink, channel = publishing(2)
    channel.say("basic_ack", 1, False)
    channel.say("basic_ack", 1, False)
    channel.say("basic_nack", 1, True)
    channel.say("basic_ack", 99, False)
    assert said(sink) == [(1, True)]
    assert sink.unconfirmed == 1


def test_what_came_back_is_not_safe_and_its_neighbours_are() -> None:
    broker, channel = line()
    sink: Sink[int] = Sink(broker)
    for n in range(4):
        sink.publish(OutgoingMessage("exchange", "key", b"%d" % (n % 3), {}), n)
    back = amqp.Message(b"1")
    channel.say("basic_return", Exception("NO_ROUTE"), "exchange", "key", back)
    channel.say("basic_ack", 4, True)
    fates = {token: fate for token, fate, _ in sink.outcomes()}
    assert fates == {0: Fate.CONFIRMED, 1: Fate.UNROUTED, 2: Fate.CONFIRMED, 3: Fate.CONFIRMED}


def test_two_equal_messages_that_came_back_are_both_unsafe() -> None:
    sink, channel = publishing(3)
    for _ in range(2):
        back = amqp.Message(MESSAGE.body)
        channel.say("basic_return", Exception(), MESSAGE.exchange, MESSAGE.routing_key, back)
    channel.say("basic_ack", 3, True)
    assert [fate for _, fate, _ in sink.outcomes()].count(Fate.UNROUTED) == 2


def test_what_a_closed_channel_leaves_is_charged_to_the_exchange_that_rabbitmq_names() -> None:
    broker, channel = line()
    sink: Sink[int] = Sink(broker)
    for named, fate in (("sentiment.results", Fate.FORBIDDEN), ("another", Fate.VOID)):
        for n in range(2):
            sink.publish(MESSAGE, n)
        channel.on_broken(403, f"ACCESS_REFUSED - access to exchange '{named}' refused")
        assert [(token, each) for token, each, _ in sink.outcomes()] == [(0, fate), (1, fate)]
        assert sink.unconfirmed == 0
    sink.publish(MESSAGE, 7)
    channel.say("basic_ack", 1, False)
    assert said(sink) == [(7, True)]


def test_a_key_that_may_not_be_written_is_charged_alone() -> None:
    broker, channel = line()
    sink: Sink[str] = Sink(broker)
    for key in ("input.positive", "input.negative", "input.neutral", "input.negative"):
        sink.publish(OutgoingMessage("sentiment.results", key, b"{}", {}), key)
    where = "topic 'input.negative' in exchange 'sentiment.results' in vhost '/'"
    channel.on_broken(403, f"ACCESS_REFUSED - write access to {where} refused for user 'u'")
    assert [(token, fate) for token, fate, _ in sink.outcomes()] == [
        ("input.positive", Fate.VOID), ("input.negative", Fate.FORBIDDEN),
        ("input.neutral", Fate.VOID), ("input.negative", Fate.FORBIDDEN),
    ]  # fmt: skip


@given(st.data())
def test_each_message_has_exactly_one_outcome_and_the_one_it_was_given(data: st.DataObject) -> None:
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
        found += said(sink)
        assert sink.unconfirmed == len(open_tags)
    assert sorted(found) == sorted(wanted)


def test_what_a_full_queue_refuses_is_not_safe(broker_url: str) -> None:
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    channel, queue = broker.channel(), f"full-{uuid.uuid4().hex}"
    full = {"x-max-length": 1, "x-overflow": "reject-publish"}
    broker.attempt(channel.queue_declare, queue, exclusive=True, arguments=full)
    sink: Sink[int] = Sink(broker)
    for n in range(3):
        sink.publish(OutgoingMessage("", queue, b"{}", {}), n)
        until(lambda: not sink.unconfirmed, lambda: broker.wait(0.1))
    assert said(sink) == [(0, True), (1, False), (2, False)]
    broker.close()


def test_an_exchange_that_is_gone_makes_no_message_to_another_void(broker_url: str) -> None:
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    queue = broker.attempt(broker.channel().queue_declare, "", exclusive=True).queue
    sink: Sink[int] = Sink(broker, ["", "no-such"])
    for n in range(20):
        there = OutgoingMessage("", queue, b"{}", {})
        sink.publish(OutgoingMessage("no-such", "key", b"{}", {}) if n % 5 == 2 else there, n)
    until(lambda: not sink.unconfirmed, lambda: broker.wait(0.1))
    fates = {token: fate for token, fate, _ in sink.outcomes()}
    assert {n for n, fate in fates.items() if fate is Fate.FORBIDDEN} == {2, 7, 12, 17}
    assert list(fates.values()).count(Fate.CONFIRMED) == 16
    broker.close()


def test_a_bug_in_a_listener_is_no_unreadable_frame(broker_url: str) -> None:
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    sink: Sink[int] = Sink(broker)
    sink.publish(OutgoingMessage("", "nowhere", b"{}", {}, mandatory=False), 1)
    sink._by_exchange[""]._outcomes = cast("Any", None)
    with pytest.raises(AttributeError):
        until(lambda: False, lambda: broker.wait(0.1))
    broker.drop()


def test_rabbitmq_names_the_key_that_may_not_be_written(own_broker_url: str) -> None:
    parts = urllib.parse.urlsplit(own_broker_url)
    vhost, user = parts.path[1:], f"tonebus-test-{uuid.uuid4().hex[:8]}"
    rabbitmq = administration(own_broker_url)
    rabbitmq.add_user(user, "secret")
    rabbitmq.permit(vhost, user)
    rabbitmq.permit_topics(vhost, user, "amq.topic", "^good")
    place = f"{user}:secret@{parts.hostname}:{parts.port or 5672}"
    broker = patient_broker(parts._replace(netloc=place).geturl(), heartbeat=10)
    try:
        broker.connect()
        sink: Sink[str] = Sink(broker)
        for key in ("good.1", "bad", "good.2"):
            sink.publish(OutgoingMessage("amq.topic", key, b"{}", {}, mandatory=False), key)
        until(lambda: not sink.unconfirmed, lambda: broker.wait(0.1))
        fates = {token: fate for token, fate, _ in sink.outcomes()}
        assert fates.pop("bad") is Fate.FORBIDDEN
        assert fates["good.2"] is Fate.VOID
        # it was taken; whether its confirm came before the channel's end is a matter of time
        assert fates["good.1"] in {Fate.CONFIRMED, Fate.VOID}
    finally:
        broker.close()
        rabbitmq.delete_user(user)


def test_a_probe_that_is_forbidden_makes_nothing_else_void(broker_url: str) -> None:
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    queue = broker.attempt(broker.channel().queue_declare, "", exclusive=True).queue
    sink: Sink[str] = Sink(broker)
    for number in range(3):  # one after the other, and each on a channel that is open
        sink.publish(OutgoingMessage("", queue, b"{}", {}), f"good {number}")
        for missing in ("no-such", "no-other"):
            sink.publish(OutgoingMessage(missing, "key", b"{}", {}), missing, probe=True)
        until(lambda: not sink.unconfirmed, lambda: broker.wait(0.1))
        fates = {token: fate for token, fate, _ in sink.outcomes()}
        assert fates == {
            f"good {number}": Fate.CONFIRMED, "no-such": Fate.FORBIDDEN, "no-other": Fate.FORBIDDEN,
        }  # fmt: skip
    broker.close()
