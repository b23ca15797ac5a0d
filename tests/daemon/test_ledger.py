"""The ledger: whatever happens, in whatever order, nothing is acknowledged before its confirm."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors.amqp import topology
from connectors.errors import Unavailable
from connectors.messages import Fault, Letter
from daemon.telemetry import metrics
from tests.daemon.bench import CONFIRM, Bench, message

if TYPE_CHECKING:
    from tests.daemon.scripted import ScriptedEdges

ERROR = Fault("error", "ValueError")


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
    bench.reconnect()
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
        self.bench = Bench(shadowed=True)
        self.sent: list[bytes] = []
        self.queue: list[tuple[bytes, bool]] = []
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
        self.texts.add(body)
        self._send(body)

    @rule(texts=st.lists(st.sampled_from(["good", "bad", "", "poison"]), min_size=2, max_size=4))
    def deliver_several(self, texts: list[str]) -> None:
        body = json.dumps({"text": texts, "id": f"several {len(self.sent)}"}).encode()
        self._send(body)

    @rule()
    def deliver_rubbish(self) -> None:
        body = b"{broken %d" % len(self.sent)
        self._send(body)

    @rule()
    def turn(self) -> None:
        try:
            self.bench.turn()
        except Unavailable:
            self._recover()
        self._deliver()

    @rule()
    def all_goes_well(self) -> None:
        """Go as far as the next confirm: left to chance, the search would hardly get there."""
        self.edges.blocked = False
        self.turn()
        for request in list(self.edges.scoring.asked):
            self.edges.scoring.score(request, {"poison": ERROR})
        self.turn()

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

    def _send(self, body: bytes) -> None:
        self.sent.append(body)
        self.queue.append((body, False))
        self._deliver()

    def _deliver(self) -> None:
        """What waits in the queue, and what was given back, goes to a connector that consumes."""
        self.queue += [(body, True) for body in self.edges.source.returned]
        self.edges.source.returned.clear()
        if "input" in self.edges.source.consuming:
            for body, redelivered in self.queue:
                self.edges.source.deliver(body, redelivered=redelivered)
            self.queue.clear()

    def _recover(self) -> None:
        """All that was out comes again, as RabbitMQ would have it."""
        self._take_acked()
        self.queue += [(body, True) for body in self.bench.reconnect()]

    @invariant()
    def nothing_is_lost(self) -> None:
        self._take_acked()
        waiting = [body for body, _ in self.queue]
        waiting += self.edges.source.returned
        assert sorted([*self.acked, *self.edges.source.bodies, *waiting]) == sorted(self.sent)

    @invariant()
    def what_is_acknowledged_is_safe(self) -> None:
        self._take_acked()
        parked = {each.body for each in self.safe if each.exchange == topology.PARKED}
        events = {
            str(each.properties["message_id"]): json.loads(each.body)
            for each in self.safe
            if each.exchange == topology.RESULTS
        }.values()
        published = {(each.get("subject"), each["data"]["origin"]["index"]) for each in events}
        told = [json.loads(body) for body in self.acked if body not in parked]
        equals = {(each["text"], each.get("id")) for each in map(json.loads, parked & self.texts)}
        for each in told:
            if isinstance(each["text"], list):
                several = {(str(each["id"]), index) for index in range(len(each["text"]))}
                assert "poison" in each["text"] or several <= published
            elif "id" in each and (each["text"], each["id"]) not in equals:
                assert (str(each["id"]), 0) in published
        nameless = [each for each in told if "id" not in each]
        assert len(nameless) <= sum("subject" not in each for each in events)

    def teardown(self) -> None:
        """Let everything end well: then nothing may be left over."""
        self.edges.blocked = False
        for _ in range(300):
            if not self.edges.source.unsettled and not self.queue:
                break
            self.bench.clock.now += 2
            self.turn()
            for request in list(self.edges.scoring.asked):
                self.edges.scoring.score(request, {"poison": ERROR})
            while self.edges.sink.waiting:
                self.safe.append(self.edges.sink.tell(0, safe=True))
        assert not self.edges.source.unsettled
        assert not self.queue
        self.what_is_acknowledged_is_safe()

    def _take_acked(self) -> None:
        self.acked += self.edges.source.acked
        self.edges.source.acked.clear()


TestLedger = Ledger.TestCase
TestLedger.settings = effort(max_examples=60, stateful_step_count=40, deadline=None)
