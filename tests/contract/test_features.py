"""What `connectors.amqp.features` says of a version, measured on the broker that is in use."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from connectors.amqp.features import Features, features
from tests.administration import administration
from tests.chaos.servers import servers_or_skip
from tests.own.rabbitmq import OwnRabbit
from tests.servers import check_broker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pika.adapters.blocking_connection import BlockingChannel

MORE_THAN_ANY_LIMIT = 25
HOLD_MILLISECONDS = 2000


@pytest.fixture
def expected(broker_url: str) -> Features:
    """What the broker in use should do."""
    return features(check_broker(broker_url))


@contextmanager
def opened(url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


@contextmanager
def quorum_queue(url: str, arguments: dict[str, Any]) -> Iterator[str]:
    name = f"features-{uuid.uuid4().hex[:8]}"
    with opened(url) as channel:
        channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"} | arguments)
        yield name
        channel.queue_delete(name)


def publish(url: str, queue: str, **properties: Any) -> None:
    with opened(url) as channel:
        channel.confirm_delivery()
        channel.basic_publish("", queue, b"1", pika.BasicProperties(**properties))


def fetch(channel: BlockingChannel, queue: str) -> dict[str, Any]:
    """Take the next message and hold it; return its headers."""
    found: list[pika.BasicProperties] = []

    def ask() -> None:
        method, properties, _ = channel.basic_get(queue)
        if method:
            found.append(properties)

    until(lambda: bool(found), ask)
    return dict(found[0].headers or {})


def nack(channel: BlockingChannel) -> None:
    channel.basic_nack(0, multiple=True, requeue=True)


def recover(channel: BlockingChannel) -> None:
    channel.basic_recover(requeue=True)


def reject(channel: BlockingChannel) -> None:
    channel.basic_reject(1, requeue=True)


def close(channel: BlockingChannel) -> None:
    channel.close()


def lose(channel: BlockingChannel) -> None:
    channel.connection.close()


def returned(url: str, give_back: Callable[[BlockingChannel], None]) -> dict[str, Any]:
    """Take a message, give it back, and return its headers when it comes again."""
    with quorum_queue(url, {"x-delivery-limit": 100}) as queue:
        publish(url, queue)
        with opened(url) as channel:
            fetch(channel, queue)
            give_back(channel)
            with opened(url) as other:
                return fetch(other, queue)


@pytest.mark.parametrize("give_back", [reject, close, lose])
def test_every_version_counts_this(
    broker_url: str, give_back: Callable[[BlockingChannel], None]
) -> None:
    assert returned(broker_url, give_back)["x-delivery-count"] == 1


@pytest.mark.parametrize("give_back", [nack, recover])
def test_a_negative_acknowledgement_counts_where_it_says_so(
    broker_url: str, expected: Features, give_back: Callable[[BlockingChannel], None]
) -> None:
    headers = returned(broker_url, give_back)
    assert headers.get("x-delivery-count", 0) == int(expected.counts_nack)
    assert ("x-acquired-count" in headers) == expected.acquired_count


def test_a_queue_without_a_delivery_limit_has_the_one_that_it_says(
    broker_url: str, expected: Features
) -> None:
    with quorum_queue(broker_url, {}) as queue, opened(broker_url) as channel:
        publish(broker_url, queue)
        for tag in range(1, MORE_THAN_ANY_LIMIT + 1):
            deadline = time.monotonic() + 1
            while not (found := channel.basic_get(queue))[0] and time.monotonic() < deadline:
                pass
            if not found[0]:
                assert tag == (expected.default_delivery_limit or 0) + 2
                return
            channel.basic_reject(tag, requeue=True)
        assert expected.default_delivery_limit is None


def test_priorities_of_a_quorum_queue_are_strict_where_it_says_so(
    broker_url: str, expected: Features
) -> None:
    with quorum_queue(broker_url, {}) as queue, opened(broker_url) as channel:
        for priority in (1, 2, 3):
            publish(broker_url, queue, priority=priority)
        until(lambda: channel.queue_declare(queue, passive=True).method.message_count == 3)
        came = [channel.basic_get(queue, auto_ack=True)[1].priority for _ in range(3)]
    assert came == ([3, 2, 1] if expected.quorum_priorities > 1 else [1, 2, 3])


def test_a_passive_declaration_takes_a_right_where_it_says_so(
    own_broker_url: str, expected: Features
) -> None:
    user = f"tonebus-test-{uuid.uuid4().hex[:8]}"
    parts = pika.URLParameters(own_broker_url)
    admin = administration()
    admin.add_user(user, "secret")
    try:
        admin.permit(parts.virtual_host, user, ("^$", "^$", "^$"))
        url = own_broker_url.replace("guest:guest", f"{user}:secret")
        with quorum_queue(own_broker_url, {}) as queue, opened(url) as channel:
            refused = False
            try:
                channel.queue_declare(queue, passive=True)
            except ChannelClosedByBroker as error:
                refused = "ACCESS_REFUSED" in error.reply_text
            assert refused == expected.passive_needs_right
    finally:
        admin.delete_user(user)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A node on which a consumer time-out takes two seconds instead of thirty minutes."""
    with servers_or_skip():
        node = OwnRabbit(
            tmp_path_factory.mktemp("impatient") / "rabbitmq",
            config=f"consumer_timeout = {HOLD_MILLISECONDS}\n",
            # up to 4.2 channels look at it once a minute
            erlang="-rabbit channel_tick_interval 1000",
        )
        try:
            node.start()
            yield node.url
        finally:
            node.close()


def test_a_consumer_time_out_shows_and_counts_as_it_says(
    impatient: str, expected: Features
) -> None:
    with quorum_queue(impatient, {}) as queue, opened(impatient) as channel:
        publish(impatient, queue)
        cancelled: list[object] = []
        channel.add_on_cancel_callback(cancelled.append)
        channel.basic_consume(queue, lambda *_: None)
        closed = _wait(channel, until=lambda: bool(cancelled))
        assert bool(cancelled) == expected.cancels_on_timeout
        assert ("PRECONDITION_FAILED" in closed) != expected.cancels_on_timeout
        with opened(impatient) as other:
            headers = fetch(other, queue)
    assert headers.get("x-delivery-count", 0) == int(expected.counts_consumer_timeout)


def test_a_consumer_may_ask_for_a_longer_time_out_where_it_says_so(
    impatient: str, expected: Features
) -> None:
    with quorum_queue(impatient, {}) as queue, opened(impatient) as channel:
        publish(impatient, queue)
        cancelled: list[object] = []
        channel.add_on_cancel_callback(cancelled.append)
        channel.basic_consume(queue, lambda *_: None, arguments={"x-consumer-timeout": 600_000})
        closed = _wait(channel, until=lambda: bool(cancelled), seconds=3 * HOLD_MILLISECONDS / 1000)
        assert (not cancelled and not closed) == expected.consumer_timeout_argument


def _wait(channel: BlockingChannel, until: Callable[[], bool], seconds: float = 60) -> str:
    """Process what arrives; return why the broker closed the channel, if it did."""
    deadline = time.monotonic() + seconds
    while channel.is_open and not until() and time.monotonic() < deadline:
        channel.connection.process_data_events(time_limit=0.2)
    return "" if channel.is_open else str(channel._closing_reason)
