"""A consumer that RabbitMQ ends: why it did is found out in passing, and no call waits for that."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from connectors.amqp.source import Source
from connectors.amqp.subscription import Subscription
from tests.brokers import patient_broker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.amqp.connection import Broker
    from connectors.amqp.consumer import Ended


@pytest.fixture
def broker(broker_url: str) -> Iterator[Broker]:
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    yield broker
    broker.close()


def consuming(broker: Broker) -> tuple[Source, str]:
    """A source that consumes one queue, and the queue."""
    queue = f"ended-{uuid.uuid4().hex}"
    broker.attempt(broker.channel().queue_declare, queue, auto_delete=False, durable=True)
    subscription = Subscription("input", "", (), queue=queue)
    source = Source(
        broker, {"input": subscription}, prefetch=10, max_body_bytes=1000,
        declare=lambda _: None,
    )  # fmt: skip
    source.start("input")
    return source, queue


def forbid_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_seconds: float) -> None:
        raise AssertionError("the loop slept")

    monkeypatch.setattr("time.sleep", refuse)


@pytest.mark.parametrize("reason", ["deleted", "moved"])
def test_the_reason_is_found_out_without_sleeping(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    source, queue = consuming(broker)
    ended: list[Ended] = []

    def turn() -> None:
        broker.wait(0.02)
        ended.extend(source.ended())

    if reason == "deleted":
        broker.attempt(broker.channel().queue_delete, queue)
    else:
        # only a cluster moves a queue; what the client receives is the same
        source._consumers["input"][0]._on_cancel("any")
    forbid_sleep(monkeypatch)
    until(lambda: ended, turn)
    assert [each.reason for each in ended] == [reason]
    assert source.ended() == []


def test_a_cancel_that_crosses_our_own_is_no_error(broker: Broker) -> None:
    channel: Any = broker.channel()
    declared = broker.attempt(channel.queue_declare, "", exclusive=True, auto_delete=False)
    queue = declared.queue
    tag = broker.attempt(channel.basic_consume, queue)
    broker.attempt(channel.basic_cancel, tag)
    channel._on_basic_cancel(tag)
    assert broker.attempt(channel.queue_declare, queue, passive=True).queue == queue
