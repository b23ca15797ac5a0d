"""A stream is read in its order, once, from where the last reader was."""

from __future__ import annotations

import pytest

from connectors.amqp.bookmark import Taken
from connectors.amqp.stream import OFFSET, StreamConsumer
from tests.connectors.amqp.line import CONNECTOR, Line, bodies
from tests.waiting import until


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
