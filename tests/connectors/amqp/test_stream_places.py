"""A reader of a stream begins and ends where it is told, and knows messages by their place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import amqp
import pytest
from structlog.testing import capture_logs

from connectors.amqp import topology
from connectors.amqp.stream import last_chunk
from connectors.errors import Misconfigured
from tests.connectors.amqp.line import CONNECTOR, Line, bodies
from tests.waiting import until


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


def test_what_is_before_the_beginning_is_not_counted(line: Line) -> None:
    line.write(6)
    broker, consumer = line.read(4, ends=True, prefetch=1)
    assert line.take(broker, consumer, 1) == ["m4"]
    assert (consumer.done, consumer.total) == (1, 2)
    consumer.close()
    broker.close()
    line.arrived.clear()
    until(lambda: line.place() == 4)
    broker, consumer = line.read(4, ends=True)
    assert line.take(broker, consumer, 1) == ["m5"]
    line.awaited(broker, lambda: consumer.finished)
    assert (consumer.done, consumer.total) == (2, 2)


def test_from_next_on_there_is_nothing_of_the_past(line: Line) -> None:
    line.write(3)
    broker, consumer = line.read("next", ends=True)
    line.awaited(broker, lambda: consumer.finished)
    assert (consumer.done, consumer.total) == (0, 0)


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


@pytest.mark.parametrize(("offset", "passed"), [("first", 0), (3, 3), ("last", 9), ("next", None)])
def test_a_message_that_cannot_be_handed_over_is_passed_over_and_named(
    line: Line, offset: str | int, passed: int | None
) -> None:
    line.write(10)
    with capture_logs() as logged:
        broker, consumer = line.read(offset, skip=True)
    skipped = [each["offset"] for each in logged if each["event"] == "stream_message_skipped"]
    if passed is None:
        # the first message that is written next
        assert skipped == [10]
        line.write(1)
    else:
        assert skipped == [passed]
    line.write(2)
    behind = skipped[0] + 1
    assert line.take(broker, consumer, line.written - behind) == bodies(behind, line.written)


def test_behind_what_was_settled_the_next_message_is_passed_over_once(line: Line) -> None:
    line.write(10)
    broker, consumer = line.read()
    line.take(broker, consumer, 4)
    consumer.close()
    broker.close()
    line.arrived.clear()
    until(lambda: line.place() == 3)
    broker, _ = line.read(skip=True)
    broker.drop()
    line.arrived.clear()
    assert line.take(*line.read(), 5) == bodies(5, 10)


@pytest.mark.parametrize("place", [b"", b'{"stream": "\xff"}', b"[" * 100_000])
def test_what_others_put_in_the_place_of_a_place_is_passed_over(line: Line, place: bytes) -> None:
    line.write(2)
    line.outside.channel().basic_publish(amqp.Message(place), "", line.keep)
    broker, consumer = line.read()
    assert line.take(broker, consumer, 2) == bodies(0, 2)
