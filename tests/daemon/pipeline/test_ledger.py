"""The ledger: whatever happens, in whatever order, nothing is acknowledged before its confirm."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import Phase
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors.amqp import topology
from connectors.amqp.consumer import Ended
from connectors.errors import Unavailable
from connectors.mapping import MappingConfig
from connectors.messages import Fault, OutgoingMessage
from connectors.parking.headers import Replayed, headers
from connectors.ports import Fate
from connectors.scoring.protocol import Unreadable
from tests.daemon import bodies
from tests.daemon.bench import MOODS, Bench, message

if TYPE_CHECKING:
    from tests.daemon.scripted import ScriptedEdges

ERROR = Fault("error", "ValueError")
CONNECTORS = ("a", "b")
COSTLY = "costly" + "\n> a" * 14
"""A message that holds two of these takes more steps than `STEPS`: the rest of it is parked."""
STEPS = 250
REFUSALS = (Fate.REFUSED, Fate.UNROUTED, Fate.FORBIDDEN)
FATES = st.sampled_from([Fate.CONFIRMED, *Fate])
HOW = st.sampled_from(["score", "score", "start", "fail", "lose", "mumble", "wait"])
TEXTS = st.sampled_from(["good", "bad", "", "poison", "sulky", COSTLY])
TO = st.sampled_from(CONNECTORS)
POSITIONS = st.frozensets(st.integers(0, 4), min_size=1, max_size=3)
LATE = 31.0
"""Seconds after which nobody waits for an answer any more."""


class Ledger(RuleBasedStateMachine):
    """Deliveries, answers, confirms, refusals, outages and losses in any order.

    Every body is sent once, so the ledger is exact: what is acknowledged must be safe, what is
    neither out nor acknowledged must not exist, and nothing is parked but what is bad itself.
    """

    def __init__(self) -> None:
        super().__init__()
        given: dict[str, Any] = {"shadowed": True, "further": [MOODS], "max_steps": STEPS}
        self.bench = Bench(CONNECTORS, config=MappingConfig(strip_quotes=True), **given)
        self.sent: list[bytes] = []
        self.queue: list[tuple[bytes, bool]] = []
        self.acked: list[bytes] = []
        self.safe: list[OutgoingMessage] = []
        self.delivered: Counter[bytes] = Counter()
        self.replays: dict[bytes, frozenset[int]] = {}
        self.replies = 0

    @property
    def edges(self) -> ScriptedEdges:
        return self.bench.edges

    @rule(text=TEXTS, source=st.integers(0, 3) | st.none(), to=TO)
    def deliver(self, text: str, source: int | None, to: str) -> None:
        fields = {} if source is None else {"id": source}
        self._send(message(text, serial=len(self.sent), to=to, **fields))

    @rule(texts=st.lists(TEXTS, min_size=2, max_size=4), to=TO, replayed=st.none() | POSITIONS)
    def deliver_several(self, texts: list[str], to: str, replayed: frozenset[int] | None) -> None:
        """A list; or a replay that asks for some of its texts, and perhaps for one it has not."""
        body = json.dumps({"text": texts, "id": f"several {len(self.sent)}", "to": to}).encode()
        if replayed:
            self.replays[body] = replayed
        self._send(body)

    @rule(to=TO)
    def deliver_rubbish(self, to: str) -> None:
        self._send(b'{broken "to": "%s" %d' % (to.encode(), len(self.sent)))

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
        self.edges.scoring.live = 1
        self.edges.scoring.absent = set()
        self.turn()
        for request in list(self.edges.scoring.asked):
            self._score(request)
        self.turn()

    @rule(seconds=st.sampled_from([0.5, 2.0, 20.0, 40.0, 200.0]))
    def time_passes(self, seconds: float) -> None:
        """A score, a confirm or a worker may be late by then; the last is a long outage."""
        self.bench.clock.now += seconds

    @rule(blocked=st.booleans())
    def block(self, blocked: bool) -> None:
        self.edges.blocked = blocked

    @rule(live=st.integers(0, 2), absent=st.sets(st.just(MOODS.name)))
    def workers_come_and_go(self, live: int, absent: set[str]) -> None:
        self.edges.scoring.live, self.edges.scoring.absent = live, absent

    @rule(to=TO, reason=st.sampled_from(["timeout", "deleted", "moved", "closed"]))
    def end_a_consumer(self, to: str, reason: str) -> None:
        """What it held comes again."""
        ending = {each.connector for each in self.edges.source.ending}
        if to in self.edges.source.consuming and to not in ending:
            held = self.edges.source.unsettled_of(to)
            self.edges.source.ending.append(Ended(to, reason, "", 0.0, held))

    @precondition(lambda self: self.edges.scoring.asked)
    @rule(data=st.data())
    def workers_answer(self, data: st.DataObject) -> None:
        for request in sorted(self.edges.scoring.asked):
            self._answer(request, data.draw(HOW))

    @precondition(lambda self: self.edges.scoring.asked)
    @rule()
    def workers_answer_late(self) -> None:
        """Each request is asked again by then; the first answer counts, and only that."""
        late = sorted(self.edges.scoring.asked)
        for request in late:
            self.edges.scoring.start(request)
        self.turn()
        self.bench.clock.now += LATE
        self.turn()
        for request in late:
            if request in self.edges.scoring.asked:
                self._score(request)
        self.turn()

    def _score(self, request: str) -> None:
        self.edges.scoring.score(request, {bodies.bad(self.edges.scoring.models[request]): ERROR})

    def _answer(self, request: str, how: str) -> None:
        scoring = self.edges.scoring
        if how == "start":
            scoring.start(request)
        elif how == "fail" and bodies.bad(scoring.models[request]) in scoring.asked[request]:
            scoring.fail(request, ERROR)
        elif how == "lose":
            scoring.fail(request, Fault("worker-lost"))
        elif how == "mumble":
            del scoring.asked[request]
            scoring.say(Unreadable(request))
        elif how == "score":
            self._score(request)

    @precondition(lambda self: self.edges.sink.waiting)
    @rule(data=st.data())
    def the_broker_answers(self, data: st.DataObject) -> None:
        """It says of some what became of them, in any order."""
        waiting = self.edges.sink.waiting
        for _ in range(data.draw(st.integers(1, len(waiting)))):
            place = data.draw(st.integers(0, len(waiting) - 1))
            fate = data.draw(FATES)
            message = self.edges.sink.tell(place, safe=fate is Fate.CONFIRMED, fate=fate)
            if fate is Fate.CONFIRMED:
                self.safe.append(message)
        self.turn()

    @precondition(lambda self: self.edges.sink.waiting)
    @rule(fate=st.sampled_from(REFUSALS), probed=FATES)
    def a_destination_refuses(self, fate: Fate, probed: Fate) -> None:
        """All that is out is refused; then comes the time of the first probes."""
        for answer in (fate, probed):
            for _ in list(self.edges.sink.waiting):
                message = self.edges.sink.tell(0, safe=answer is Fate.CONFIRMED, fate=answer)
                if answer is Fate.CONFIRMED:
                    self.safe.append(message)
            self.turn()
            self.bench.clock.now += 2
            self.turn()

    @rule()
    def lose_the_connection(self) -> None:
        self.edges.lost = True
        self.turn()

    def _send(self, body: bytes) -> None:
        self.sent.append(body)
        self.queue.append((body, False))
        self._deliver()

    def _deliver(self) -> None:
        """What waits in a queue, and what was given back, goes to a connector that consumes."""
        self.queue += [(body, True) for body in self.edges.source.returned]
        self.edges.source.returned.clear()
        kept = []
        for body, redelivered in self.queue:
            to = "a" if b'"to": "a"' in body else "b"
            if to in self.edges.source.consuming:
                self.delivered[body] += 1
                wanted = Replayed(replays=1, texts=self.replays.get(body, frozenset()))
                self.edges.source.deliver(
                    body, redelivered=redelivered, connector=to, reply_to="amq.gen-1",
                    **({"replay": headers(wanted)} if wanted.texts else {}),
                )  # fmt: skip
            else:
                kept.append((body, redelivered))
        self.queue = kept

    def _recover(self) -> None:
        """All that was out comes again, as RabbitMQ would have it."""
        self._take_acked()
        self.queue += [(body, True) for body in self.edges.source.returned]
        self.edges.source.returned.clear()
        self.replies += len(self.edges.sink.replies)
        self.queue += [(body, True) for body in self.bench.reconnect()]

    @invariant()
    def nothing_is_lost(self) -> None:
        self._take_acked()
        waiting = [body for body, _ in self.queue]
        waiting += self.edges.source.returned
        assert sorted([*self.acked, *self.edges.source.bodies, *waiting]) == sorted(self.sent)

    @invariant()
    def only_what_is_bad_is_parked_and_once_for_a_delivery(self) -> None:
        parked = Counter(each.body for each in self.safe if each.exchange == topology.PARKED)
        for body, copies in parked.items():
            beyond = max(self.replays.get(body, {0})) >= len(bodies.texts(body))
            assert beyond or any(word in body for word in (b"poison", b"broken", b"costly"))
            assert copies <= self.delivered[body] + self.edges.sink.again[body]

    @invariant()
    def an_event_has_the_answer_of_the_further_model_or_says_why_not(self) -> None:
        assert all(bodies.is_answered(event) for _, event in bodies.events(self.safe))

    @invariant()
    def no_answer_is_given_before_its_event_is_safe(self) -> None:
        events = sum(each.exchange == topology.RESULTS for each in self.safe)
        assert self.replies + len(self.edges.sink.replies) <= events

    @invariant()
    def what_is_acknowledged_is_safe(self) -> None:
        self._take_acked()
        parked = {each.body: each for each in self.safe if each.exchange == topology.PARKED}
        events = bodies.events(self.safe)
        published = {(to, each.get("subject"), bodies.index(each)) for to, each in events}
        # a duplicate of what was parked shares its fate
        equals = {bodies.identity(json.loads(body)) for body in parked if b"broken" not in body}
        nameless = 0
        for body in self.acked:
            failed = bodies.failed(parked[body]) if body in parked else set()
            if failed is None:
                continue
            message = json.loads(body)
            texts = set(range(len(bodies.texts(body))))
            if isinstance(message["text"], list):
                for place in (self.replays.get(body, texts) & texts) - failed:
                    assert (message["to"], str(message["id"]), place) in published
            elif "id" not in message:
                nameless += body not in parked
            elif body not in parked and bodies.identity(message) not in equals:
                assert (message["to"], str(message["id"]), 0) in published
        assert nameless <= sum("subject" not in event for _, event in events)

    def teardown(self) -> None:
        """Let everything end well: then nothing may be left over."""
        for _ in range(300):
            if not self.edges.source.unsettled and not self.queue:
                break
            self.edges.blocked = False
            self.edges.scoring.live = 1
            self.edges.scoring.absent = set()
            self.bench.clock.now += 2
            self.turn()
            for request in list(self.edges.scoring.asked):
                self._score(request)
            while self.edges.sink.waiting:
                self.safe.append(self.edges.sink.tell(0, safe=True))
        assert not self.edges.source.unsettled
        assert not self.queue
        self.what_is_acknowledged_is_safe()

    def _take_acked(self) -> None:
        self.acked += self.edges.source.acked
        self.edges.source.acked.clear()


TestLedger = Ledger.TestCase
TestLedger.settings = effort(
    max_examples=60, stateful_step_count=40, deadline=None,
    # a caller that asks only whether it fails does not need the shortest example
    phases=[each for each in Phase if each is not Phase.shrink or not os.environ.get("UNSHRUNK")],
)  # fmt: skip
