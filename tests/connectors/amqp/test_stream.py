"""A stream is read in its order, once, from where the last reader was."""

from __future__ import annotations

import uuid
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from connectors.amqp import bookmark, topology
from connectors.amqp.bookmark import Taken
from connectors.amqp.connection import Broker
from connectors.amqp.stream import OFFSET, StreamConsumer, last_chunk
from connectors.errors import Misconfigured
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.delivery import Delivery

CONNECTOR = "comments"


class Line:
    """A stream with its reader, and what that has brought."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"stream-{uuid.uuid4().hex[:8]}"
        self.keep = f"sentiment.offset.{self.name}"
        self.written = 0
        self.arrived: deque[Delivery] = deque()
        self.brokers: list[Broker] = []
        self.outside = self.connection()
        self._channel = self.outside.channel()
        self._channel.confirm_select()
        self.declare()

    def connection(self) -> Broker:
        broker = Broker(self.url, name="tonebus tests", heartbeat=10, connect_timeout=5)
        broker.connect()
        self.brokers.append(broker)
        return broker

    def declare(self, **arguments: Any) -> None:
        self._channel.queue_declare(
            self.name, durable=True, auto_delete=False,
            arguments={"x-queue-type": "stream", **arguments},
        )  # fmt: skip
        [_, _, keep] = topology.stream(CONNECTOR, self.name, self.keep).queues
        topology.apply(self.outside, topology.Topology(queues=(keep,)))

    def write(self, count: int, **properties: Any) -> None:
        for _ in range(count):
            message = amqp.Message(b"m%d" % self.written, **properties)
            self._channel.basic_publish_confirm(message, "", self.name)
            self.written += 1

    def delete(self) -> None:
        self._channel.queue_delete(self.name)
        self.written = 0

    def read(self, offset: Any = "first", **options: Any) -> tuple[Broker, StreamConsumer]:
        """Begin to read, as soon as the reader before is gone: RabbitMQ 4.3 frees it late."""
        found: list[tuple[Broker, StreamConsumer]] = []

        def try_to() -> None:
            with suppress(Taken):
                found.append(self.read_at_once(offset, **options))

        until(lambda: found, try_to)
        return found[0]

    def read_at_once(
        self, offset: Any = "first", *, prefetch: int = 5, ends: bool = False
    ) -> tuple[Broker, StreamConsumer]:
        """Begin to read on a connection of its own."""
        broker = self.connection()
        consumer = StreamConsumer(
            broker, CONNECTOR, keep=self.keep, ends=ends, prefetch=prefetch,
            arrived=self.arrived, on_end=lambda _: None,
        )  # fmt: skip
        consumer.start(self.name, {OFFSET: offset})
        return broker, consumer

    def take(self, broker: Broker, consumer: StreamConsumer, count: int) -> list[str]:
        """Settle what comes, until so many have."""
        bodies: list[str] = []

        def turn() -> None:
            broker.wait(0.1)
            while self.arrived and len(bodies) < count:
                delivery = self.arrived.popleft()
                bodies.append(delivery.body.decode())
                delivery.ack()
            consumer.flush()

        until(lambda: len(bodies) >= count, turn)
        return bodies

    def awaited(self, broker: Broker, holds: Callable[[], object]) -> None:
        until(holds, lambda: broker.wait(0.1))

    def place(self) -> int | None:
        found = bookmark.read(self.outside, self.keep)
        return found.offset if found else None


@pytest.fixture
def line(broker_url: str) -> Iterator[Line]:
    made = Line(broker_url)
    yield made
    made.delete()
    for broker in made.brokers:
        broker.drop()


def bodies(start: int, stop: int) -> list[str]:
    return [f"m{n}" for n in range(start, stop)]


def test_a_reader_goes_on_behind_the_last_that_was_settled(line: Line) -> None:
    line.write(20)
    broker, consumer = line.read()
    assert line.take(broker, consumer, 12) == bodies(0, 12)
    consumer.close()
    broker.close()
    line.arrived.clear()
    until(lambda: line.place() == 11)
    assert line.take(*line.read("next"), 8) == bodies(12, 20)


def test_what_is_not_settled_is_read_again_after_a_lost_connection(line: Line) -> None:
    line.write(20)
    broker, consumer = line.read()
    line.take(broker, consumer, 4)

    def turn() -> None:
        consumer.flush()
        broker.wait(0.1)

    until(lambda: line.place() is not None, turn)
    broker.drop()
    line.arrived.clear()
    place = line.place()
    assert place is not None
    assert place < 4
    assert line.take(*line.read(), 19 - place) == bodies(place + 1, 20)


def test_the_place_never_passes_a_delivery_that_is_not_settled(line: Line) -> None:
    line.write(20)
    broker, consumer = line.read()
    line.awaited(broker, lambda: len(line.arrived) == 5)
    first, *others = line.arrived
    for each in others:
        each.ack()
    consumer.flush()
    broker.wait(0.5)
    # nor are more of them read than the prefetch
    assert len(line.arrived) == 5
    assert line.place() is None
    first.ack()
    consumer.close()
    until(lambda: line.place() == 4)


def test_giving_back_keeps_the_connection_and_reads_them_again(line: Line) -> None:
    line.write(5)
    broker, consumer = line.read()
    line.awaited(broker, lambda: len(line.arrived) == 5)
    [first, *_] = line.arrived
    first.ack()
    consumer.close()
    assert not first.live
    line.arrived.clear()
    until(lambda: line.place() == 0, lambda: broker.wait(0.05))
    again = StreamConsumer(
        broker, CONNECTOR, keep=line.keep, prefetch=5, arrived=line.arrived,
        on_end=lambda _: None,
    )  # fmt: skip
    again.start(line.name, {OFFSET: "first"})
    assert line.take(broker, again, 4) == bodies(1, 5)


def test_a_stream_has_one_reader_and_another_takes_over(line: Line) -> None:
    line.write(3)
    broker, _ = line.read()
    with pytest.raises(Taken):
        line.read_at_once()
    broker.drop()
    line.read()


def test_what_retention_took_is_passed_over_and_the_first_that_is_left_comes_next(
    line: Line,
) -> None:
    line.delete()
    line.declare(**{"x-max-length-bytes": 20_000, "x-stream-max-segment-size-bytes": 5_000})
    line.write(3)
    broker, consumer = line.read()
    line.take(broker, consumer, 3)
    consumer.close()
    broker.close()
    until(lambda: line.place() == 2)
    line.arrived.clear()

    def cut() -> bool:
        line.write(200)
        broker, _ = line.read()
        line.awaited(broker, lambda: line.arrived)
        first = line.arrived[0].offset
        broker.drop()
        line.arrived.clear()
        return first > 3

    until(cut)


@pytest.mark.parametrize("length", [0, 2, 30])
def test_a_stream_that_was_made_again_is_read_from_its_first(
    line: Line, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.amqp.stream._FIND_SECONDS", 1.0)
    line.write(10)
    broker, consumer = line.read()
    line.take(broker, consumer, 10)
    consumer.close()
    broker.close()
    until(lambda: line.place() == 9)
    line.delete()
    line.declare()
    line.written = 1000
    line.write(length)
    broker, consumer = line.read()
    line.write(3)
    assert line.take(broker, consumer, length + 3) == bodies(1000, 1003 + length)


def test_a_message_without_an_id_is_known_by_its_place(line: Line) -> None:
    line.write(2)
    broker, _ = line.read()
    line.awaited(broker, lambda: len(line.arrived) == 2)
    assert [each.place for each in line.arrived] == [f"{line.name}@0", f"{line.name}@1"]


def test_a_reader_with_an_end_stops_at_what_was_the_last_when_it_began(line: Line) -> None:
    line.write(30)
    assert last_chunk(line.outside, line.name).last == 29
    broker, consumer = line.read(ends=True)
    assert consumer.end == 29
    line.write(5)
    line.take(broker, consumer, 10)
    consumer.close()
    broker.close()
    line.arrived.clear()
    until(lambda: line.place() == 9)
    broker, consumer = line.read(ends=True)
    assert line.take(broker, consumer, 20) == bodies(10, 30)
    line.awaited(broker, lambda: consumer.finished)
    broker.wait(0.3)
    assert not line.arrived


def test_the_end_of_an_empty_stream_is_before_its_first(line: Line) -> None:
    _, consumer = line.read(ends=True)
    assert consumer.finished


@pytest.mark.parametrize("offset", [4, "first", datetime.now(UTC) - timedelta(days=1)])
def test_it_begins_where_it_is_told(line: Line, offset: Any) -> None:
    line.write(6)
    start = offset if isinstance(offset, int) else 0
    assert line.take(*line.read(offset), 6 - start) == bodies(start, 6)


@pytest.mark.parametrize("length", [0, 6])
def test_next_is_what_is_written_from_the_first_time_on(line: Line, length: int) -> None:
    line.write(length)
    broker, _ = line.read("next")
    line.write(2)
    line.awaited(broker, lambda: len(line.arrived) == 2)
    # ends before it has settled any of them
    broker.drop()
    line.arrived.clear()
    line.write(1)
    assert line.take(*line.read("next"), 3) == bodies(length, length + 3)


@pytest.mark.parametrize("length", [0, 6])
def test_last_is_what_was_written_last_at_the_first_time(line: Line, length: int) -> None:
    line.write(length)
    broker, _ = line.read("last")
    line.write(1)
    line.awaited(broker, lambda: line.arrived)
    first = line.arrived[0].offset
    assert first == max(0, length - 1)
    broker.drop()
    line.arrived.clear()
    line.write(1)
    line.write(1)
    broker, consumer = line.read("last")
    assert line.take(broker, consumer, 2) == bodies(first, first + 2)


def test_a_stream_made_again_before_any_was_settled_is_read_from_its_first(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.amqp.stream._FIND_SECONDS", 1.0)
    line.write(3)
    broker, _ = line.read("next")
    broker.drop()
    line.delete()
    line.declare()
    line.written = 1000
    line.write(5)
    assert line.take(*line.read("next"), 5) == bodies(1000, 1005)


def test_offset_and_the_kind_of_queue_must_agree(line: Line) -> None:
    with pytest.raises(Misconfigured, match="`offset`"):
        topology.apply(line.outside, topology.queue_of_others(line.name))
    channel = line.outside.channel()
    channel.queue_declare(f"{line.name}.queue", exclusive=True)
    named = topology.stream(CONNECTOR, f"{line.name}.queue", line.keep)
    with pytest.raises(Misconfigured, match="no stream"):
        topology.apply(line.outside, named)
