"""The story of a message, from its delivery to its acknowledgement.

One thread, one loop, no callbacks that decide. The edges collect what arrived; each turn takes at
most a bounded part of it one step further:

    map       at most so many deliveries, so many ms  → items, or parked with the reason
    look up   their marks and scores, in one go       → known ones are ready, repeats are done
    score     batches out, batch results in           → ready; failures split, or park
    publish   while the byte window is open           → awaiting the broker's confirm
    settle    all that was confirmed                  → acknowledged, then remembered

Replies and confirms that have arrived take their step before the others: workers and RabbitMQ wait
for what it brings.

The delivery is the only record. Whatever else is kept here may vanish at any moment: then the
broker delivers again what was not acknowledged, and the story starts over.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from connectors.messages import Fault
from daemon.pipeline.further import FurtherModels
from daemon.pipeline.inbox import Inbox
from daemon.pipeline.limits import MAP_DELIVERIES, MAP_SECONDS
from daemon.pipeline.outgoing import PendingCopy, PendingEvent
from daemon.pipeline.reader import Reader
from daemon.pipeline.routing import NOTHING
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.cache import Cache
    from connectors.messages import Score
    from connectors.parking.park import Reason
    from connectors.ports import Edges
    from connectors.scoring.protocol import Reply
    from daemon.pipeline.intake import Intake
    from daemon.pipeline.publisher import Publisher
    from daemon.pipeline.scorer import Scorer
    from daemon.pipeline.settlement import Settlement
    from daemon.pipeline.shadow import Shadows
    from daemon.pipeline.tally import Tally
    from daemon.pipeline.work import Item, Route

_log = structlog.get_logger(__name__)


class Pipeline:
    """The message path of one process, over whatever edges it is given."""

    def __init__(
        self, *, edges: Edges, routes: Mapping[str, Route], scorer: Scorer[Item], cache: Cache,
        tally: Tally, intake: Intake, publisher: Publisher, shadows: Shadows,
    ) -> None:  # fmt: skip
        self._edges = edges
        self._reader = Reader(routes, cache, tally)
        self._scorer = scorer
        self._cache = cache
        self._tally = tally
        self._intake = intake
        self._publisher = publisher
        self._further = FurtherModels(routes.values(), scorer)
        self._shadows = shadows
        # one tracer for both, since requests are linked with deliveries
        self._tracer = scorer.tracer
        self._inbox = Inbox(len(routes))
        self._new: list[Item] = []
        self._answered: list[Settlement] = []
        self._under_way: dict[str, Item] = {}

    @property
    def in_flight(self) -> int:
        return self._edges.source.unsettled

    @property
    def busy(self) -> bool:
        """Whether work may become due although nothing arrives."""
        here = self._scorer.waiting or self._publisher or self._inbox
        return bool(here or self._edges.sink.unconfirmed)

    def turn(self, patience: float) -> None:
        """Sleep until something arrives, `patience` seconds at most, then take all a step further.

        Raises:
            Unavailable: The bus is lost; `reset`, and begin again on a new connection.
        """
        at_once = self._inbox.mappable or self._edges.source.waiting
        replies = self._scorer.gather(self._edges, 0 if at_once else patience)
        # first, so that workers and RabbitMQ go on while what arrived takes its steps
        self._score(replies)
        self._settle()
        if self._intake.review():
            self._forget()
        self._map()
        self._look_up()
        self._score()
        self._publish()
        self._settle()
        # last, since nothing waits for it
        self._shadows.turn(self._edges, replies)

    def remember(self) -> None:
        """Write what Redis is still to keep, before the process ends: a look-up takes it along."""
        self._cache.look_up([])

    def reset(self) -> None:
        """Forget everything in flight: it will be delivered again."""
        self._inbox.clear()
        self._new.clear()
        self._answered.clear()
        self._under_way.clear()
        self._publisher.reset()
        self._scorer.reset()
        self._further.reset()
        self._shadows.reset()
        self._tracer.reset()

    def _map(self) -> None:
        """Turn deliveries into items, or park them, within the bounds of a turn."""
        until = time.monotonic() + MAP_SECONDS
        self._inbox.put(self._edges.source.arrived(MAP_DELIVERIES))
        for _ in range(MAP_DELIVERIES):
            if time.monotonic() >= until or not (delivery := self._inbox.next()):
                break
            # where a breaker has tripped, the rest is given back when its connector stops
            if self._intake.takes(delivery.connector):
                delivery.trace = self._tracer.follow(delivery)
                settlement, items = self._reader.read(delivery)
                self._inbox.hold(items)
                self._new += items
                self._conclude(settlement)

    def _look_up(self) -> None:
        """Find out what was done before: a mark ends an item, a score saves the model the work."""
        if not (new := self._new) and not self._cache.pending:
            return
        keys = [key for item in new for key in item.score_keys]
        scores, marks = self._cache.look_up(keys, [item.mark_key for item in new])
        for item in new:
            if item.mark_key in marks:
                self._inbox.release(item)
                self._duplicate(item.settlement)
            elif original := self._under_way.get(item.event_id):
                self._inbox.release(item)
                original.duplicates.append(item.settlement)
            else:
                self._begin(item, scores)
        new.clear()

    def _begin(self, item: Item, scores: Mapping[bytes, Score]) -> None:
        self._under_way[item.event_id] = item
        model = item.choice.model
        self._further.begin(item, scores)
        if not item.choice.scored:
            self._publish_event(PendingEvent(item, NOTHING, model.identity.model, cached=False))
        elif score := scores.get(item.score_key):
            self._publish_event(PendingEvent(item, score, model.identity.model, cached=True))
        else:
            self._scorer.want(
                model.name, item.score_key, item.text.content, item, alone=item.suspect
            )

    def _score(self, replies: Sequence[Reply] = ()) -> None:
        """Process the workers' replies, and send them texts that have no score yet."""
        for outcome in self._scorer.collect(replies):
            result, request = outcome.result, outcome.request
            for place, item in enumerate(request.requesters):
                if request.model != item.choice.model.name:
                    self._further.answer(item, outcome)
                elif isinstance(result, Fault) or outcome.model is None:
                    self._give_up(item, result, request.record.attempts)
                else:
                    # one forward served all who asked: only the first cost model time
                    self._publish_event(PendingEvent(item, result, outcome.model, place > 0))
        for pending in self._further.complete():
            self._publish_event(pending)
        if not self._edges.blocked:
            self._scorer.ask(self._edges.scoring)

    def _publish(self) -> None:
        for pending, error in self._publisher.send():
            if isinstance(pending, PendingEvent):
                self._fail(pending.item, pending.item.unmade(error))
            else:
                raise error

    def _settle(self) -> None:
        """Acknowledge what the broker has confirmed, and only then remember it."""
        for pending in self._publisher.confirmed():
            if isinstance(pending, PendingEvent):
                self._event_confirmed(pending)
            elif isinstance(pending, PendingCopy):
                self._tally.parked(pending)
                self._acknowledge(pending.settlement)
        self._edges.source.flush()
        self._reply()

    def _event_confirmed(self, pending: PendingEvent) -> None:
        """An event is safe: settle its text, and those of its duplicates."""
        item = pending.item
        self._end(item)
        if item.identified:
            self._cache.remember_mark(item.mark_key)
        self._tally.published(pending)
        self._intake.came_through(item.delivery.connector)
        if reply := item.route.output.reply(pending.event, item.delivery):
            item.settlement.replies.append(reply)
        item.settlement.done()
        self._conclude(item.settlement)
        for duplicate in item.duplicates:
            self._duplicate(duplicate)

    def _publish_event(self, pending: PendingEvent) -> None:
        item, score = pending.item, pending.score
        if self._further.awaits(pending):
            return
        if not item.wanted:
            self._end(item)
            return
        if pending.cached:
            self._tally.count(metrics.CACHED, item.delivery)
        self._shadows.compare(item, score.tone)
        pending.tone = item.route.output.doubt.tone(score)
        item.delivery.trace.record("labelled", pending.tone)
        self._publisher.put(pending)

    def _give_up(self, item: Item, fault: Score | Fault, attempts: int) -> None:
        if not item.settlement.failed:  # many bad texts of one message prove no more than one
            self._tally.given_up(item.choice.model.name)
        self._fail(item, item.poison(fault, attempts))

    def _fail(self, item: Item, reason: Reason) -> None:
        """Neither an item nor its duplicates will become an event."""
        self._end(item)
        for settlement in (item.settlement, *item.duplicates):
            settlement.fail(reason)
            self._conclude(settlement)

    def _conclude(self, settlement: Settlement) -> None:
        """Acknowledge a delivery, or park it, once every text of it has its outcome."""
        if not settlement.complete:
            return
        delivery, reason = settlement.delivery, settlement.reason
        if reason is None:
            self._acknowledge(settlement)
        elif delivery.live:
            _log.warning("message_parked", connector=delivery.connector, code=reason.code,
                         detail=reason.detail, message_id=delivery.message_id)  # fmt: skip
            delivery.trace.record("parked", reason.code)
            self._publisher.put(PendingCopy(settlement, reason))

    def _acknowledge(self, settlement: Settlement) -> None:
        settlement.delivery.ack()
        if settlement.replies:
            self._answered.append(settlement)

    def _reply(self) -> None:
        """Answer whose messages are acknowledged.

        RabbitMQ may end the connection for a reply address, which any publisher can make up: that
        must not bring its message back.
        """
        answered, self._answered = self._answered, []
        for settlement in answered:
            for reply in settlement.replies:
                self._edges.sink.reply(reply)
                self._tally.count(metrics.REPLIES, settlement.delivery)

    def _duplicate(self, settlement: Settlement) -> None:
        delivery = settlement.delivery
        self._tally.count(metrics.DUPLICATES, delivery)
        delivery.trace.record("duplicate")
        settlement.done()
        self._conclude(settlement)

    def _end(self, item: Item) -> None:
        if self._under_way.get(item.event_id) is item:  # and no redelivery in its place
            del self._under_way[item.event_id]
            self._inbox.release(item)
            self._further.withdraw(item)

    def _forget(self) -> None:
        """Deliveries were given back: drop everything that only they needed."""
        self._inbox.drop_void()
        self._publisher.forget()
        for item in list(self._under_way.values()):
            if item.wanted:
                item.forget_void()
            else:
                self._scorer.withdraw(item.choice.model.name, item.score_key, item)
                self._end(item)
