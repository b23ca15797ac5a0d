"""What a source says to RabbitMQ, and when."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pika

from connectors.amqp.source import Source
from connectors.amqp.subscription import Subscription
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
