"""What a connector may not hold is rejected only where its queue keeps what it rejects."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pika
import pytest

from connectors.amqp.source import Source
from connectors.amqp.subscription import Subscription
from tests.brokers import patient_broker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.amqp.connection import Broker
    from connectors.delivery import Delivery

BODIES = [b"one " * 10, b"two " * 10]


@pytest.fixture
def broker(broker_url: str) -> Iterator[Broker]:
    broker = patient_broker(broker_url, heartbeat=10)
    broker.connect()
    yield broker
    broker.close()


@pytest.mark.parametrize(("dead_letters", "arriving"), [(True, 1), (False, 2)])
def test_what_would_be_lost_is_not_rejected(
    broker: Broker, broker_url: str, dead_letters: bool, arriving: int
) -> None:
    subscription = Subscription(f"rejections-{uuid.uuid4().hex}", "", ())
    queue = subscription.source_queue
    with pika.BlockingConnection(pika.URLParameters(broker_url)) as connection:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True)
        for body in BODIES:
            channel.basic_publish("", queue, body)
        source = Source(
            broker, {subscription.connector: subscription}, prefetch=2,
            max_body_bytes=len(BODIES[0]) // 2, declare=lambda _: None, dead_letters=dead_letters,
        )  # fmt: skip
        source.start(subscription.connector)
        taken: list[Delivery] = []

        def turn() -> None:
            broker.wait(0.02)
            taken.extend(source.arrived(10))

        def left() -> int:
            found: int = channel.queue_declare(queue, passive=True).method.message_count
            return found

        until(lambda: not left(), turn)
        until(lambda: len(taken) >= arriving, turn)
        source.stop(subscription.connector)
        until(lambda: left() == arriving, turn)
        channel.queue_delete(queue)
