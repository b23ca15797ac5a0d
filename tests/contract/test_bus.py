"""What every bus must do, whoever provides it: run over the embedded edges and over RabbitMQ."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from connectors.amqp import topology
from connectors.amqp.subscription import Subscription
from connectors.messages import OutgoingMessage, Score
from connectors.ports import Fate
from connectors.scoring.protocol import Scored, Started
from tests import models
from tests.contract.buses import WITHOUT_WORKERS
from tests.contract.gathering import drained, outcomes, receive, replies, send
from tests.waiting import until

if TYPE_CHECKING:
    from daemon.model.tone_model import ToneModel
    from tests.contract.buses import Bus


class Contract:
    """The promises; the classes below say whose."""

    def test_a_message_is_delivered_as_it_was_sent(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        headers = {"compression": "application/x-gzip", "n": 7}
        bus.send(
            OutgoingMessage(
                subscription.exchange,
                "ticket.4711.commented",
                b"\x1f\x8b not gzip at all",
                {"message_id": "m-1", "correlation_id": "c-1", "application_headers": headers},
            )
        )
        [delivery] = receive(edges, 1)
        assert delivery.body == b"\x1f\x8b not gzip at all"
        assert delivery.connector == subscription.connector
        assert (delivery.exchange, delivery.routing_key) == (
            subscription.exchange,
            "ticket.4711.commented",
        )
        assert (delivery.message_id, delivery.correlation_id) == ("m-1", "c-1")
        assert delivery.headers == headers
        assert not delivery.redelivered

    def test_an_empty_body_is_delivered_as_bytes(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        send(bus, subscription, b"")
        assert [each.body for each in receive(edges, 1)] == [b""]

    def test_an_acknowledged_message_never_comes_again(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        send(bus, subscription, b"1")
        [delivery] = receive(edges, 1)
        delivery.ack()
        edges.source.flush()
        assert edges.source.unsettled == 0
        edges.close()
        assert drained(bus, subscription) == []

    def test_nothing_is_acknowledged_before_the_flush(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        send(bus, subscription, b"1")
        [delivery] = receive(edges, 1)
        delivery.ack()
        assert edges.source.unsettled == 1
        edges.drop()
        assert [each.body for each in receive(bus.edges([subscription]), 1)] == [b"1"]

    def test_what_was_not_acknowledged_comes_again_after_a_drop(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        send(bus, subscription, b"1", b"2", b"3")
        one, two, three = receive(edges, 3)
        two.ack()
        edges.source.flush()
        # a round trip, for what was only written goes down with the connection
        edges.backlog(topology.UNROUTED)
        edges.drop()
        again = receive(bus.edges([subscription]), 2)
        assert [each.body for each in again] == [one.body, three.body]
        assert all(each.redelivered for each in again)

    def test_what_is_given_back_comes_again_in_its_order(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        send(bus, subscription, b"1", b"2", b"3")
        receive(edges, 3)
        edges.source.cancel()
        edges.source.give_back()
        assert edges.source.unsettled == 0
        assert [each.body for each in receive(bus.edges([subscription]), 3)] == [b"1", b"2", b"3"]

    def test_after_a_cancel_nothing_new_is_delivered(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        send(bus, subscription, b"1")
        [delivery] = receive(edges, 1)
        edges.source.cancel()
        send(bus, subscription, b"2")
        edges.wait(0.2)
        assert edges.source.arrived(10) == []
        delivery.ack()
        edges.source.flush()
        assert [each.body for each in drained(bus, subscription)] == [b"2"]

    def test_no_more_than_the_prefetch_is_out(self, bus: Bus, subscription: Subscription) -> None:
        edges = bus.edges([subscription], prefetch=3)
        send(bus, subscription, *(b"%d" % n for n in range(7)))
        first = receive(edges, 3)
        edges.wait(0.2)
        assert edges.source.arrived(10) == []
        first[0].ack()
        edges.source.flush()
        assert [each.body for each in receive(edges, 1)] == [b"3"]
        edges.wait(0.2)
        assert edges.source.arrived(10) == []

    def test_each_subscription_has_a_prefetch_of_its_own(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        other = Subscription(f"{subscription.connector}-2", f"{subscription.exchange}.2", ("#",))
        edges = bus.edges([subscription, other], prefetch=1)
        send(bus, subscription, b"1", b"2")
        send(bus, other, b"3", b"4")
        assert {each.body for each in receive(edges, 2)} == {b"1", b"3"}

    def test_a_published_message_is_confirmed_and_arrives(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        messages = [
            OutgoingMessage(subscription.exchange, f"key.{n}", b"%d" % n, {"message_id": f"m-{n}"})
            for n in range(20)
        ]
        for place, message in enumerate(messages):
            edges.sink.publish(message, place)
        found = outcomes(edges, 20)
        assert sorted(found) == [(place, Fate.CONFIRMED) for place in range(20)]
        assert edges.sink.unconfirmed == 0
        assert edges.sink.outcomes() == []

    def test_an_event_that_nobody_is_bound_for_is_kept_as_unrouted(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        edges = bus.edges([subscription])
        bus.drain(topology.UNROUTED)
        key = f"{subscription.connector}.negative"
        edges.sink.publish(OutgoingMessage(topology.RESULTS, key, b"event", {}), "token")
        assert outcomes(edges, 1) == [("token", Fate.CONFIRMED)]
        [kept] = bus.drain(topology.UNROUTED)
        assert (kept.body, kept.routing_key) == (b"event", key)

    def test_a_message_that_reaches_no_queue_at_all_is_never_safe(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        lonely = f"{subscription.exchange}.lonely"
        bus.declare(topology.Topology(exchanges=(topology.Exchange(lonely, "topic"),)))
        edges = bus.edges()
        edges.sink.publish(OutgoingMessage(lonely, "key", b"message", {}), "token")
        assert outcomes(edges, 1) == [("token", Fate.UNROUTED)]

    @pytest.mark.parametrize(
        ("pattern", "reached"),
        [
            ("#", {"", "chat", "ticket.commented", "ticket.4711.commented", "ticket..commented"}),
            ("chat", {"chat"}),
            ("ticket.*.commented", {"ticket.4711.commented", "ticket..commented"}),
            ("ticket.#", {"ticket.commented", "ticket.4711.commented", "ticket..commented"}),
            ("#.commented", {"ticket.commented", "ticket.4711.commented", "ticket..commented"}),
            ("*", {"chat"}),
            ("*.*", {"ticket.commented"}),
        ],
    )
    def test_a_routing_key_reaches_a_queue_by_its_pattern(
        self, bus: Bus, subscription: Subscription, pattern: str, reached: set[str]
    ) -> None:
        bound = Subscription(subscription.connector, subscription.exchange, (pattern,))
        bus.edges([bound]).close()
        keys = ("", "chat", "ticket.commented", "ticket.4711.commented", "ticket..commented")
        for key in keys:
            bus.send(OutgoingMessage(subscription.exchange, key, b"1", {}))
        assert {each.routing_key for each in drained(bus, bound)} == reached

    def test_two_patterns_that_fit_deliver_one_copy(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        bound = Subscription(subscription.connector, subscription.exchange, ("#", "chat.*"))
        bus.edges([bound]).close()
        bus.send(OutgoingMessage(subscription.exchange, "chat.1", b"1", {}))
        assert len(drained(bus, bound)) == 1

    def test_the_depth_of_a_queue_counts_what_waits(
        self, bus: Bus, subscription: Subscription
    ) -> None:
        queue = topology.source_queue(subscription.connector)
        edges = bus.edges()
        assert edges.backlog(queue) is None
        bus.edges([subscription]).close()
        send(bus, subscription, b"1", b"2")
        until(lambda: (found := edges.backlog(queue)) and found.messages == 2)
        assert edges.backlog(f"{queue}.unknown") is None

    def test_a_wake_up_ends_the_wait(self, bus: Bus) -> None:
        edges = bus.edges()
        edges.wakeup.set()
        edges.wait(3600)


class ScoringContract:
    """Texts go out to workers, replies come back."""

    def test_a_request_is_started_and_then_scored_in_its_order(
        self, scoring_bus: Bus, tone_model: ToneModel
    ) -> None:
        edges = scoring_bus.edges()
        texts = [f"number {n}: it was good" for n in range(30)]
        request = edges.scoring.ask(models.NAME, texts, urgent=False, timeout=60)
        started, scored = replies(edges, 2)
        assert isinstance(started, Started)
        assert isinstance(scored, Scored)
        assert (started.request, scored.request) == (request, request)
        assert started.worker == scored.worker
        assert scored.model == tone_model.identity.model
        assert scored.seconds > 0
        for found, wanted in zip(scored.outcomes, tone_model.score(texts), strict=True):
            assert isinstance(found, Score)
            assert isinstance(wanted, Score)
            assert found.scores == pytest.approx(wanted.scores, abs=1e-3)
            assert found.tokens == wanted.tokens

    def test_each_request_gets_replies_of_its_own(self, scoring_bus: Bus) -> None:
        one, two = scoring_bus.edges(), scoring_bus.edges()
        first = one.scoring.ask(models.NAME, ["good"], urgent=False, timeout=60)
        second = two.scoring.ask(models.NAME, ["bad", "ok"], urgent=True, timeout=60)
        assert {each.request for each in replies(one, 2)} == {first}
        assert {each.request for each in replies(two, 2)} == {second}

    def test_the_headers_of_a_request_reach_its_worker(self, scoring_bus: Bus) -> None:
        edges = scoring_bus.edges()
        trace, span = uuid.uuid4().hex, uuid.uuid4().hex[:16]
        headers = {"traceparent": f"00-{trace}-{span}-01"}
        edges.scoring.ask(models.NAME, ["good"], urgent=False, timeout=60, headers=headers)
        replies(edges, 2)
        until(lambda: (trace, span) in scoring_bus.continued())

    def test_the_workers_that_listen_are_counted(self, scoring_bus: Bus) -> None:
        edges = scoring_bus.edges()
        assert edges.scoring.workers(models.NAME) == 1
        assert edges.scoring.workers(WITHOUT_WORKERS) == 0


class TestEmbedded(Contract, ScoringContract):
    @pytest.fixture
    def bus(self, embedded_bus: Bus) -> Bus:
        return embedded_bus

    @pytest.fixture
    def scoring_bus(self, embedded_bus: Bus) -> Bus:
        return embedded_bus


class TestRabbit(Contract, ScoringContract):
    @pytest.fixture
    def bus(self, rabbit_bus: Bus) -> Bus:
        return rabbit_bus

    @pytest.fixture
    def scoring_bus(self, rabbit_bus: Bus, real_worker: None) -> Bus:  # noqa: ARG002 - it replies
        return rabbit_bus
