"""What a source says to RabbitMQ, and when."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pika
import pytest

from connectors.amqp.connection import Garbled
from connectors.amqp.source import Source
from connectors.amqp.subscription import Subscription
from connectors.errors import Unavailable
from tests.brokers import patient_broker
from tests.waiting import until

if TYPE_CHECKING:
    from connectors.delivery import Delivery


def test_an_acknowledgement_leaves_with_the_flush_and_waits_for_no_turn(broker_url: str) -> None:
    subscription = Subscription(f"source-{uuid.uuid4().hex}", "", ())
    queue = subscription.source_queue
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    with closing(broker), pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)

        def left() -> int:
            found: int = channel.queue_declare(queue, passive=True).method.message_count
            return found

        source = Source(
            broker, {subscription.connector: subscription}, prefetch=1, max_body_bytes=1000,
            declare=lambda _: None,
        )  # fmt: skip
        source.start(subscription.connector)
        for _ in range(2):
            channel.basic_publish("", queue, b"body")
        taken: list[Delivery] = []

        def turn() -> None:
            broker.wait(0.02)
            taken.extend(source.arrived(10))

        until(lambda: taken and left() == 1, turn)
        taken[0].ack()
        source.flush()
        # RabbitMQ has room for the second one, although nobody waits on the connection
        until(lambda: not left())
        source.stop(subscription.connector)
        channel.queue_delete(queue)


def test_a_message_is_to_blame_only_where_there_is_a_consumer(broker_url: str) -> None:
    """RabbitMQ ends a connection by 541 over a message, and over a queue without a leader."""
    subscriptions = [Subscription(f"source-{uuid.uuid4().hex}", "", ()) for _ in range(3)]
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    channel = broker.channel()
    for each in subscriptions:
        channel.queue_declare(each.source_queue, exclusive=True)
    calls = iter(["declare", "fine", "declare"])

    def declare(_: object) -> None:
        if next(calls) == "declare":
            raise Garbled("INTERNAL_ERROR")

    source = Source(
        broker, {each.connector: each for each in subscriptions}, prefetch=1, max_body_bytes=1000,
        declare=declare,
    )  # fmt: skip
    first, second, third = (each.connector for each in subscriptions)
    with closing(broker):
        with pytest.raises(Unavailable) as alone:
            source.start(first)
        assert not isinstance(alone.value, Garbled)
        source.start(second)
        # the second one's first message may be what ended it
        with pytest.raises(Garbled):
            source.start(third)
