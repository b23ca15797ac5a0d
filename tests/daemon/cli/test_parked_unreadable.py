"""A parked message that RabbitMQ cannot hand over, and what stands around it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from connectors.amqp import topology
from connectors.amqp.publisher import Sink
from connectors.parking.parked_queue import Unreadable, drop_unreadable
from connectors.ports import Fate

if TYPE_CHECKING:
    from connectors.ports import PublishOutcome
    from tests.daemon.cli.parked_bench import Bench


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let RabbitMQ fail on the third message that is fetched, as on one of an AMQP 1.0 client."""
    fetched = itertools.count(1)
    get = amqp.Channel.basic_get

    def fail(channel: amqp.Channel, *arguments: Any, **named: Any) -> Any:
        if next(fetched) == 3:
            raise amqp.exceptions.error_for_code(541, "INTERNAL_ERROR", (0, 0), None)
        return get(channel, *arguments, **named)

    monkeypatch.setattr(amqp.Channel, "basic_get", fail)


@pytest.mark.usefixtures("failing")
def test_what_stands_before_an_unreadable_message_is_listed_and_the_way_out_named(
    bench: Bench,
) -> None:
    for place in range(4):
        bench.park(str(place).encode())
    result = bench.run("list")
    assert "2 shown of 4 parked" in result.output
    assert isinstance(result.exception, Unreadable)
    assert "behind 2 messages" in str(result.exception)
    assert "purge --unreadable" in str(result.exception)


@pytest.mark.usefixtures("failing")
def test_a_dry_run_throws_no_unreadable_message_away(bench: Bench) -> None:
    for place in range(4):
        bench.park(str(place).encode())
    result = bench.run("purge", "--unreadable", "--dry-run")
    assert isinstance(result.exception, Unreadable)
    assert result.exception.before == 2


def test_a_message_that_can_be_read_is_put_back_whole(bench: Bench) -> None:
    for place in range(3):
        bench.park(str(place).encode())
    before = bench.listed()
    assert not drop_unreadable(bench.broker, 1)
    bench.broker.close()
    bench.broker.connect()
    after = bench.listed()
    assert sorted(each["key"] for each in after) == sorted(each["key"] for each in before)
    assert {each["code"] for each in after} == {"json"}
    bodies = [bytes(message.body) for message in bench.take(topology.PARKED)]
    assert sorted(bodies) == [b"0", b"1", b"2"]


def test_a_message_that_is_put_back_and_refused_is_published_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.park(b"0")
    outcomes = Sink.outcomes
    fates = iter([Fate.REFUSED])

    def refused(sink: Sink[None]) -> list[PublishOutcome[None]]:
        return [each._replace(fate=next(fates, each.fate)) for each in outcomes(sink)]

    monkeypatch.setattr(Sink, "outcomes", refused)
    assert not drop_unreadable(bench.broker, 0)
    # the copy that only seemed to be refused, and the one after it
    assert [bytes(message.body) for message in bench.take(topology.PARKED)] == [b"0", b"0"]


def test_where_everything_can_be_read_nothing_is_purged_as_unreadable(bench: Bench) -> None:
    bench.park(b"0")
    result = bench.run("purge", "--unreadable", "--yes")
    assert result.exit_code == 0, result.output
    assert "0 purged" in result.output
    assert len(bench.listed()) == 1
