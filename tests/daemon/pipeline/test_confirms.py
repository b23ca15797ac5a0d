"""Nothing is acknowledged, or remembered, before its confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.amqp import topology
from connectors.amqp.consumer import Ended
from connectors.errors import Unavailable
from daemon.telemetry import metrics
from tests.daemon.bench import CONFIRM, Bench, message

if TYPE_CHECKING:
    from connectors.messages import OutgoingMessage


def test_nothing_is_acknowledged_before_its_event_is_confirmed() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    for _ in range(10):
        bench.turn()
    assert len(bench.edges.sink.waiting) == 1
    assert bench.edges.source.acked == []
    bench.edges.sink.tell(0, safe=True)
    bench.turn()
    assert bench.edges.source.acked == [message("good", id=1)]


def test_what_is_confirmed_is_acknowledged_before_a_turn_publishes_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    bench.edges.sink.tell(0, safe=True)
    bench.edges.source.deliver(message("good", id=2))
    acked: list[list[bytes]] = []
    publish = bench.edges.sink.publish

    def noted(outgoing: OutgoingMessage, token: object) -> None:
        acked.append(list(bench.edges.source.acked))
        publish(outgoing, token)

    monkeypatch.setattr(bench.edges.sink, "publish", lambda *what, **_: noted(*what))
    bench.turn()
    assert acked == [[message("good", id=1)]]


def test_nothing_is_acknowledged_before_its_parked_copy_is_confirmed() -> None:
    bench = Bench()
    bench.edges.source.deliver(b"{broken")
    for _ in range(10):
        bench.turn()
    [(message, _)] = bench.edges.sink.waiting
    assert (message.exchange, message.body) == (topology.PARKED, b"{broken")
    assert bench.edges.source.acked == []
    bench.edges.sink.tell(0, safe=True)
    bench.turn()
    assert bench.edges.source.acked == [b"{broken"]


def test_what_the_broker_refused_is_published_again_after_a_pause() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    refused = bench.edges.sink.tell(0, safe=False)
    for _ in range(10):
        bench.turn()
    assert bench.edges.sink.waiting == []
    assert bench.edges.source.acked == []
    bench.clock.now += 1.1
    bench.turn()
    [(again, _)] = bench.edges.sink.waiting
    assert again.properties["message_id"] == refused.properties["message_id"]
    bench.edges.sink.tell(0, safe=True)
    bench.turn()
    assert len(bench.edges.source.acked) == 1


def test_a_follower_is_acknowledged_only_with_the_event_that_it_follows() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.turn()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    assert len(bench.edges.sink.waiting) == 1
    assert bench.edges.source.acked == []
    bench.edges.sink.tell(0, safe=True)
    bench.turn()
    assert bench.edges.source.acked == [message("good", id=1)] * 2


def test_while_the_broker_is_blocked_nothing_is_published_or_asked() -> None:
    bench = Bench()
    bench.edges.blocked = True
    bench.edges.source.deliver(message("good", id=1))
    bench.edges.source.deliver(message("", id=2))
    for _ in range(10):
        bench.turn()
    assert bench.edges.sink.waiting == []
    assert bench.edges.scoring.asked == {}
    bench.edges.blocked = False
    bench.score_all()
    assert len(bench.edges.sink.waiting) == 2


def test_one_message_that_is_never_confirmed_is_noticed_though_others_are() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    for n in range(2, 6):
        bench.clock.now += 10
        bench.edges.source.deliver(message("", id=n))
        bench.turn()
        bench.edges.sink.tell(1)
        bench.turn()
    [destination] = bench.publisher.refused
    assert destination.exchange == topology.RESULTS
    assert len(bench.edges.source.acked) == 4


def test_a_late_confirm_counts() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    bench.clock.now += CONFIRM + 1
    bench.turn()
    assert bench.publisher.refused
    bench.edges.sink.tell(0)
    bench.turn()
    assert not bench.publisher.refused
    assert len(bench.edges.source.acked) == 1
    bench.clock.now += 60
    bench.turn()
    assert bench.edges.sink.waiting == []


def test_the_wait_for_a_confirm_begins_with_the_message_however_long_nothing_was_sent() -> None:
    bench = Bench()
    bench.turn()
    bench.clock.now += 3600  # an outage of the broker, or a suspended machine
    bench.edges.source.deliver(b"{broken")
    bench.turn()
    assert len(bench.edges.sink.waiting) == 1


def test_a_mark_is_written_only_after_the_confirm() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    # the connection goes before the confirm: the redelivery must be published
    bench.reconnect()
    bench.edges.source.deliver(message("good", id=1), redelivered=True)
    bench.score_all()
    assert len(bench.edges.sink.waiting) == 1
    assert bench.registry.total(metrics.DUPLICATES) == 0


def test_a_confirm_after_a_give_back_leaves_the_redelivery_its_place() -> None:
    bench, body = Bench(), message("good", id=1)
    bench.edges.source.deliver(body)
    bench.score_all()
    bench.edges.source.ending.append(Ended("input", "moved", "", 0.0, 1))
    bench.turn()
    bench.edges.source.deliver(body, redelivered=True)
    bench.turn()
    assert len(bench.edges.sink.waiting) == 2
    bench.edges.sink.tell(0)
    bench.turn()
    bench.store._entries.clear()  # Redis is gone: no mark tells the next one
    bench.edges.source.deliver(body, redelivered=True)
    bench.turn()
    assert len(bench.edges.sink.waiting) == 1
    bench.confirm_all()
    assert bench.edges.source.acked == [body, body]


def test_a_reply_for_which_the_connection_ends_does_not_bring_its_message_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, body = Bench(), message(["good", "fine"])
    bench.edges.source.deliver(body, reply_to="amq.rabbitmq.reply-to.made-up")

    def end(_: object) -> None:
        raise Unavailable("INTERNAL_ERROR")

    monkeypatch.setattr(bench.edges.sink, "reply", end)
    bench.score_all()
    with pytest.raises(Unavailable):
        bench.confirm_all()
    assert bench.reconnect() == []
