"""The ledger: whatever happens, in whatever order, nothing is acknowledged before its confirm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors import topology
from connectors.cache import Cache
from connectors.embedded import EmbeddedStore
from connectors.errors import Unavailable
from connectors.events import Fault, Letter
from connectors.mapping import Mapper
from daemon import metrics
from daemon.breaker import Breaker
from daemon.labeller import Labeller
from daemon.meter import Meter
from daemon.model.identity import Identity
from daemon.outbox import Outbox
from daemon.pieces import Lane
from daemon.pipeline import Pipeline
from daemon.settings import DaemonSettings
from tests import models
from tests.daemon.scripted import MODEL, Clock, ScriptedEdges

ERROR = Fault("error", "ValueError")


class Bench:
    """A pipeline between scripted edges."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.edges = ScriptedEdges()
        self.meter = Meter()
        mapper = Mapper(max_body_bytes=1000, max_text_chars=100)
        self.pipeline = Pipeline(
            edges=self.edges,
            lanes={"input": Lane(mapper, models.NAME, Identity(MODEL, "none"))},
            labeller=Labeller([models.NAME], DaemonSettings(), self.clock),
            cache=Cache(EmbeddedStore(), secret="", score_ttl=10**6, mark_ttl=10**6),
            meter=self.meter,
            breaker=Breaker(window=200, share=1.0),
            outbox=Outbox(30, self.clock),
        )

    def turn(self) -> None:
        self.pipeline.turn(0)

    def score_all(self) -> None:
        self.turn()
        for request in list(self.edges.scoring.asked):
            self.edges.scoring.score(request)
        self.turn()


def message(text: str, **fields: Any) -> bytes:
    return json.dumps({"text": text, **fields}).encode()


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


def test_nothing_is_acknowledged_before_its_parked_copy_is_confirmed() -> None:
    bench = Bench()
    bench.edges.source.deliver(b"{broken")
    for _ in range(10):
        bench.turn()
    [(letter, _)] = bench.edges.sink.waiting
    assert (letter.exchange, letter.body) == (topology.PARKED, b"{broken")
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
    assert again == refused
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


def test_a_broker_that_confirms_nothing_is_taken_for_lost() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    bench.clock.now += 29
    bench.turn()
    bench.clock.now += 2
    with pytest.raises(Unavailable, match="confirmed nothing"):
        bench.turn()


def test_the_wait_for_a_confirm_begins_with_the_letter_however_long_nothing_was_sent() -> None:
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
    bench.edges.drop()
    bench.edges.open()
    bench.pipeline.reset()
    bench.edges.source.deliver(message("good", id=1), redelivered=True)
    bench.score_all()
    assert len(bench.edges.sink.waiting) == 1
    assert bench.meter.total(metrics.DUPLICATES) == 0


class Ledger(RuleBasedStateMachine):
    """Deliveries, answers, confirms, refusals and losses in any order.

    Every body is sent once, so the ledger is exact: what is acknowledged must be safe, and what is
    neither out nor acknowledged must not exist.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.sent: list[bytes] = []
        self.acked: list[bytes] = []
        self.safe: list[Letter] = []
        self.texts: set[bytes] = set()

    @property
    def edges(self) -> ScriptedEdges:
        return self.bench.edges

    @rule(text=st.sampled_from(["good", "bad", "", "poison"]), source=st.integers(0, 3) | st.none())
    def deliver(self, text: str, source: int | None) -> None:
        fields = {} if source is None else {"id": source}
        body = message(text, serial=len(self.sent), **fields)
        self.sent.append(body)
        self.texts.add(body)
        self.edges.source.deliver(body)

    @rule()
    def deliver_rubbish(self) -> None:
        body = b"{broken %d" % len(self.sent)
        self.sent.append(body)
        self.edges.source.deliver(body)

    @rule()
    def turn(self) -> None:
        try:
            self.bench.turn()
        except Unavailable:
            self._recover()

    @rule(seconds=st.sampled_from([0.5, 2.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.bench.clock.now += seconds

    @rule(blocked=st.booleans())
    def block(self, blocked: bool) -> None:
        self.edges.blocked = blocked

    @precondition(lambda self: self.edges.scoring.asked)
    @rule(data=st.data(), fails=st.booleans())
    def answer(self, data: st.DataObject, fails: bool) -> None:
        request = data.draw(st.sampled_from(sorted(self.edges.scoring.asked)))
        if fails:
            self.edges.scoring.fail(request, ERROR)
        else:
            self.edges.scoring.score(request, {"poison": ERROR})

    @precondition(lambda self: self.edges.sink.waiting)
    @rule(data=st.data(), safe=st.booleans())
    def confirm(self, data: st.DataObject, safe: bool) -> None:
        place = data.draw(st.integers(0, len(self.edges.sink.waiting) - 1))
        letter = self.edges.sink.tell(place, safe=safe)
        if safe:
            self.safe.append(letter)

    @rule()
    def lose_the_connection(self) -> None:
        self.edges.lost = True
        self.turn()

    def _recover(self) -> None:
        """All that was out comes again, as RabbitMQ would have it."""
        out = list(self.edges.source.out.values())
        self._take_acked()
        self.edges.drop()
        self.edges.open()
        self.bench.pipeline.reset()
        for body in out:
            self.edges.source.deliver(body, redelivered=True)

    @invariant()
    def nothing_is_lost(self) -> None:
        self._take_acked()
        assert sorted([*self.acked, *self.edges.source.out.values()]) == sorted(self.sent)

    @invariant()
    def what_is_acknowledged_is_safe(self) -> None:
        self._take_acked()
        parked = {each.body for each in self.safe if each.exchange == topology.PARKED}
        events = {
            str(each.properties["message_id"]): json.loads(each.body).get("subject")
            for each in self.safe
            if each.exchange == topology.RESULTS
        }
        told = [json.loads(body) for body in self.acked if body not in parked]
        equals = {(each["text"], each.get("id")) for each in map(json.loads, parked & self.texts)}
        for each in told:
            if "id" in each and (each["text"], each["id"]) not in equals:
                assert str(each["id"]) in events.values()
        nameless = [each for each in told if "id" not in each]
        assert len(nameless) <= list(events.values()).count(None)

    def teardown(self) -> None:
        """Let everything end well: then nothing may be left over."""
        self.edges.blocked = False
        for _ in range(300):
            if not self.edges.source.unsettled:
                break
            self.bench.clock.now += 2
            self.turn()
            for request in list(self.edges.scoring.asked):
                self.edges.scoring.score(request, {"poison": ERROR})
            while self.edges.sink.waiting:
                self.safe.append(self.edges.sink.tell(0, safe=True))
        assert not self.edges.source.unsettled
        self.what_is_acknowledged_is_safe()

    def _take_acked(self) -> None:
        self.acked += self.edges.source.acked
        self.edges.source.acked.clear()


TestLedger = Ledger.TestCase
TestLedger.settings = effort(max_examples=60, stateful_step_count=40, deadline=None)
