"""Acknowledgements: as few frames as possible, and none for what is not settled."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import amqp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.amqp.connection import Refused
from connectors.amqp.consumer import CANCELLED, Consumer
from connectors.errors import Unavailable
from connectors.parking.headers import UNREADABLE
from tests.connectors.scripted import line

if TYPE_CHECKING:
    from connectors.amqp.consumer import Ended
    from connectors.delivery import Delivery
    from tests.connectors.scripted import Channel

QUEUE = "sentiment.source.input"


class Line:
    """A consumer on a scripted channel, and what it has brought."""

    def __init__(self, prefetch: int = 100, hold_bytes: int = 0) -> None:
        broker, self.channel = line()
        self.arrived: deque[Delivery] = deque()
        self.ended: list[Ended] = []
        self.consumer = Consumer(
            broker, "input", prefetch=prefetch, arrived=self.arrived, hold_bytes=hold_bytes,
            on_end=self.ended.append,
        )  # fmt: skip
        self.consumer.start(QUEUE)


def consuming(count: int) -> tuple[Consumer, Channel, list[Delivery]]:
    line = Line()
    for tag in range(1, count + 1):
        line.channel.deliver(QUEUE, tag)
    return line.consumer, line.channel, list(line.arrived)


def test_the_prefetch_is_per_consumer() -> None:
    _, channel, _ = consuming(0)
    assert channel.qos == (0, 100, False)


def test_a_run_from_the_oldest_is_acknowledged_in_one_frame() -> None:
    source, channel, deliveries = consuming(5)
    for each in deliveries[:3]:
        each.ack()
    source.flush()
    assert channel.acks == [(3, True)]
    assert source.unsettled == 2


def test_what_stands_behind_a_gap_is_acknowledged_alone() -> None:
    source, channel, deliveries = consuming(5)
    for place in (0, 2, 4):
        deliveries[place].ack()
    source.flush()
    assert channel.acks[0] == (1, True)
    assert sorted(channel.acks[1:]) == [(3, False), (5, False)]
    assert source.unsettled == 2


def test_a_closed_gap_makes_one_run_again() -> None:
    source, channel, deliveries = consuming(5)
    deliveries[1].ack()
    source.flush()
    for place in (0, 2, 3):
        deliveries[place].ack()
    source.flush()
    assert channel.acks == [(2, False), (4, True)]


def test_nothing_settled_says_nothing() -> None:
    source, channel, _ = consuming(3)
    source.flush()
    assert channel.acks == []


def test_a_delivery_is_acknowledged_once_however_often_it_is_settled() -> None:
    source, channel, [delivery] = consuming(1)
    delivery.ack()
    delivery.ack()
    source.flush()
    source.flush()
    delivery.ack()
    source.flush()
    assert channel.acks == [(1, True)]


@given(st.lists(st.integers(0, 30) | st.none(), max_size=80), st.integers(1, 31))
def test_the_broker_learns_of_exactly_what_was_settled(steps: list[int | None], count: int) -> None:
    source, channel, deliveries = consuming(count)
    settled: set[int] = set()
    known: set[int] = set()
    for step in [*steps, None]:
        if step is not None:
            if step < count:
                deliveries[step].ack()
                settled.add(step + 1)
            continue
        source.flush()
        for tag, multiple in channel.acks:
            told = set(range(1, tag + 1)) - known if multiple else {tag}
            assert tag not in known  # RabbitMQ closes the channel on a tag that it does not know
            assert told <= settled
            known |= told
        channel.acks.clear()
        assert known == settled
        assert source.unsettled == count - len(known)


def test_a_delivery_of_an_earlier_channel_settles_nothing_on_a_new_one() -> None:
    _, _, [old] = consuming(1)
    source, channel, _ = consuming(1)
    old.ack()
    source.flush()
    assert channel.acks == []
    assert source.unsettled == 1


def test_an_empty_body_is_bytes() -> None:
    line = Line()
    line.channel.deliver(QUEUE, 1, "")
    assert [each.body for each in line.arrived] == [b""]


def test_a_cancel_by_the_broker_is_reported_with_what_was_held() -> None:
    line = Line()
    line.channel.deliver(QUEUE, 1)
    line.channel.consumers[QUEUE][1](QUEUE)
    [ended] = line.ended
    assert (ended.connector, ended.reason, ended.unsettled) == ("input", CANCELLED, 1)


def test_a_channel_that_is_closed_after_its_consumer_was_cancelled_ends_it_once() -> None:
    line = Line()
    line.channel.deliver(QUEUE, 1)
    line.channel.consumers[QUEUE][1](QUEUE)
    line.channel.on_broken(406, "PRECONDITION_FAILED - unknown delivery tag 1")
    [ended] = line.ended
    assert ended.reason == CANCELLED
    assert not line.arrived[0].live


def test_a_channel_that_rabbitmq_closes_makes_its_deliveries_void() -> None:
    line = Line()
    line.channel.deliver(QUEUE, 1)
    [delivery] = line.arrived
    line.channel.on_broken(406, "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed")
    assert [each.reason for each in line.ended] == ["timeout"]
    assert not delivery.live
    delivery.ack()
    line.consumer.flush()
    assert line.channel.acks == []


def test_what_is_given_back_is_nacked_in_one_frame_and_never_acknowledged() -> None:
    consumer, channel, deliveries = consuming(3)
    deliveries[0].ack()
    consumer.close()
    assert channel.acks == [(1, True)]
    assert channel.nacks == [(3, True, True)]
    assert channel.closed
    deliveries[1].ack()
    consumer.flush()
    assert channel.acks == [(1, True)]
    assert not deliveries[2].live


def test_what_has_no_readable_properties_is_left_to_dead_lettering_where_there_is_some() -> None:
    unreadable = {UNREADABLE: True}
    own, others = Line(hold_bytes=10), Line()
    for each in (own, others):
        each.channel.deliver(QUEUE, 1)
        each.channel.deliver(QUEUE, 2, headers=unreadable)
    assert own.channel.rejected == [2]
    assert [each.tag for each in own.arrived] == [1]
    assert not others.channel.rejected
    assert [each.tag for each in others.arrived] == [1, 2]


def test_bodies_beyond_what_may_be_held_are_left_to_dead_lettering() -> None:
    line = Line(hold_bytes=10)
    line.channel.deliver(QUEUE, 1, b"x" * 100)
    line.channel.deliver(QUEUE, 2, b"x" * 8)
    assert line.channel.rejected == [2]
    line.arrived[0].ack()
    line.consumer.flush()
    line.channel.deliver(QUEUE, 3, b"x" * 8)
    assert [each.tag for each in line.arrived] == [1, 3]


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ConnectionResetError("gone"), Unavailable),
        (amqp.ConnectionForced("shutdown"), Unavailable),
        (AttributeError("'NoneType' object has no attribute 'write'"), Unavailable),
        (TimeoutError(), Unavailable),
        (amqp.NotFound("no queue"), Refused),
    ],
)
def test_a_failure_of_the_channel_is_told_in_our_words(
    raised: Exception, kind: type[Exception]
) -> None:
    source, channel, [delivery] = consuming(1)

    def fail(*_: object, **__: object) -> None:
        raise raised

    channel.basic_ack = fail  # type: ignore[method-assign]
    delivery.ack()
    with pytest.raises(kind):
        source.flush()
