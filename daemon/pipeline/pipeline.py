"""The story of a message, from its delivery to its acknowledgement.

One thread, one loop. The edges collect what arrived; each turn takes it one step further:

    map       what the source delivered      → utterances, or a parked copy with the reason
    look up   their marks and scores         → known ones are ready, repeats are done
    label     what the workers answered      → ready, or a parked copy with the reason
    batch     what is still without a score  → requests to the workers
    publish   all that is ready              → awaiting the broker's confirm
    settle    all that was confirmed         → acknowledged, then remembered

The delivery is the only record. Whatever else is kept here may vanish at any moment: then the
broker delivers again what was not acknowledged, and the story starts over.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from connectors.errors import BadInput, Skip
from connectors.events import event as envelope
from connectors.mapping import is_blank
from connectors.messages import Fault, Score
from connectors.parking import park
from connectors.parking.park import Reason
from daemon.pipeline.gathering import gather
from daemon.pipeline.work import Parcel, Piece
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.cache import Cache
    from connectors.delivery import Delivery
    from connectors.messages import Model, Utterance
    from connectors.ports import Edges
    from connectors.scoring.protocol import Answer
    from daemon.pipeline.breaker import Breaker
    from daemon.pipeline.publisher import Outbox
    from daemon.pipeline.scorer import Labeller
    from daemon.pipeline.shadow import Shadows
    from daemon.pipeline.work import Lane
    from daemon.telemetry.registry import Meter

NOTHING = Score(scores={}, tokens=0)
"""The score of a text in which there is nothing to score."""

_SUSPECT_DELIVERIES = 3
_log = structlog.get_logger(__name__)


class Pipeline:
    """The message path of one process, over whatever edges it is given."""

    def __init__(
        self,
        *,
        edges: Edges,
        lanes: Mapping[str, Lane],
        labeller: Labeller[Piece],
        cache: Cache,
        meter: Meter,
        breaker: Breaker,
        outbox: Outbox,
        shadows: Shadows,
    ) -> None:
        """Put the parts together.

        Args:
            edges: The bus.
            lanes: How each connector is read and scored, by name.
            labeller: Sees to the scores.
            cache: What was scored and published before.
            meter: Counts.
            breaker: Hears of every message whether it was parked.
            outbox: Sees letters out.
            shadows: Hears of every tone told, and may compare it with another model's.
        """
        self._edges = edges
        self._lanes = lanes
        self._labeller = labeller
        self._cache = cache
        self._meter = meter
        self._latency = meter.histogram(metrics.LATENCY)
        self._ages = meter.histogram(metrics.AGE)
        self._breaker = breaker
        self._new: list[Piece] = []
        self._outbox = outbox
        self._shadows = shadows
        # one traces both, for the requests link to the deliveries
        self._tracer = labeller.tracer
        self._under_way: dict[str, Piece] = {}

    @property
    def in_flight(self) -> int:
        """Deliveries that are not settled."""
        return self._edges.source.unsettled

    @property
    def busy(self) -> bool:
        """Whether something may fall due while nothing arrives."""
        return bool(self._labeller.waiting or self._outbox or self._edges.sink.unconfirmed)

    def turn(self, patience: float) -> None:
        """Sleep until something arrives, then take everything one step further.

        Args:
            patience: Seconds to sleep at most.

        Raises:
            Unavailable: The bus is lost; `reset`, and begin again on a new connection.
        """
        answers = gather(self._edges, self._labeller, patience)
        gone = self._edges.scoring.gone()
        self._map()
        self._look_up()
        self._label(answers, gone)
        self._batch()
        self._publish()
        self._settle()
        # last, for nothing waits for it
        self._shadows.turn(self._edges, answers, gone)

    def remember(self) -> None:
        """Write down what is still to be remembered, before the end."""
        self._cache.look_up([])

    def reset(self) -> None:
        """Forget all that is in flight: it will be delivered again."""
        self._new.clear()
        self._outbox.clear()
        self._under_way.clear()
        self._labeller.reset()
        self._shadows.reset()
        self._tracer.reset()

    def _map(self) -> None:
        """Turn each delivery into pieces, or park it."""
        for delivery in self._edges.source.arrived():
            self._meter.count(metrics.DELIVERIES, delivery.connector)
            delivery.trace = self._tracer.follow(delivery)
            lane = self._lanes[delivery.connector]
            try:
                mapped = lane.mapper.read(delivery)
            except BadInput as bad:
                self._park(delivery, Reason(bad.code, stage="map", detail=bad.detail))
            except Skip as skip:
                self._meter.count(metrics.SKIPPED, delivery.connector, str(skip))
                delivery.trace.note("skipped", str(skip))
                delivery.ack()
            else:
                delivery.owes = len(mapped.utterances)
                self._new += [self._piece(delivery, lane, each) for each in mapped.utterances]
                if some := mapped.bad:
                    delivery.owes += 1
                    self._park(delivery, Reason(some.code, "map", some.detail, texts=some.indexes))

    def _look_up(self) -> None:
        """Find out what was done before: marks end a piece, scores spare the model."""
        new = self._new
        if not new and not self._cache.pending:
            return
        scores, marks = self._cache.look_up(
            [piece.score_key for piece in new], [piece.mark_key for piece in new]
        )
        for piece, score, published in zip(new, scores, marks, strict=True):
            if published:
                self._repeated(piece.delivery)
            elif twin := self._under_way.get(piece.event_id):
                twin.followers.append(piece.delivery)
            else:
                self._under_way[piece.event_id] = piece
                if is_blank(piece.utterance.text):
                    self._tell(piece, NOTHING, piece.lane.identity.model, cached=False)
                elif score:
                    self._tell(piece, score, piece.lane.identity.model, cached=True)
                else:
                    # what was delivered so often may kill workers: it must take nobody along
                    alone = piece.delivery.count >= _SUSPECT_DELIVERIES
                    self._labeller.want(
                        piece.lane.model, piece.score_key, piece.utterance.text, piece, alone=alone
                    )
        new.clear()

    def _label(self, answers: Sequence[Answer], gone: Sequence[str]) -> None:
        """Take in what the workers answered; remember scores at once, for they cost most."""
        for verdict in self._labeller.collect(answers, gone):
            outcome, wanted = verdict.outcome, verdict.wanted
            if isinstance(outcome, Fault) or verdict.model is None:
                for piece in wanted.waiters:
                    self._park_poison(piece, outcome, wanted.attempts)
                continue
            first = wanted.waiters[0]
            preprocessing = first.lane.identity.preprocessing
            key = self._cache.score_key(verdict.model, preprocessing, wanted.text)
            self._cache.remember_score(key, outcome)
            for piece in wanted.waiters:
                self._tell(piece, outcome, verdict.model, cached=piece is not first)

    def _batch(self) -> None:
        """Send what is left to the workers, as far as there is room with them."""
        if not self._edges.blocked:
            self._labeller.ask(self._edges.scoring)

    def _publish(self) -> None:
        """Hand over all that is ready."""
        self._outbox.send(self._edges)

    def _settle(self) -> None:
        """Acknowledge what the broker has confirmed, and only then remember it."""
        for parcel in self._outbox.confirmed(self._edges):
            self._done(parcel.delivery)
            if piece := parcel.piece:
                del self._under_way[piece.event_id]
                for follower in piece.followers:
                    self._repeated(follower)
                if parcel.tone and piece.utterance.source_id:
                    self._cache.remember_mark(piece.mark_key)
            self._count(parcel)
        self._edges.source.flush()

    def _piece(self, delivery: Delivery, lane: Lane, utterance: Utterance) -> Piece:
        identity = lane.identity
        event_id = envelope.event_id(delivery.connector, utterance)
        return Piece(
            delivery,
            lane,
            utterance,
            event_id,
            self._cache.score_key(identity.model, identity.preprocessing, utterance.text),
            self._cache.mark_key(event_id, identity.model),
        )

    def _tell(self, piece: Piece, score: Score, model: Model, *, cached: bool) -> None:
        if cached:
            self._meter.count(metrics.CACHED, piece.delivery.connector)
        delivery, outlet = piece.delivery, piece.lane.outlet
        event = envelope.tone_event(
            delivery, piece.utterance, piece.event_id,
            score=score, model=model, cached=cached, include_text=outlet.include_text,
        )  # fmt: skip
        if reply := outlet.reply(event, delivery):
            delivery.owes += 1
            self._outbox.put(Parcel(reply, delivery))
        self._shadows.compare(piece, event.data.tone)
        letter = outlet.letter(event, delivery)
        delivery.trace.note("labelled", event.data.tone)
        self._outbox.put(Parcel(letter, delivery, piece, tone=event.data.tone))

    def _park(self, delivery: Delivery, reason: Reason, piece: Piece | None = None) -> None:
        _log.warning(
            "message_parked",
            connector=delivery.connector,
            code=reason.code,
            detail=reason.detail,
            message_id=delivery.message_id,
        )
        delivery.trace.note("parked", reason.code)
        letter = park.letter(delivery, reason)
        self._outbox.put(Parcel(letter, delivery, piece, code=reason.code))

    def _park_poison(self, piece: Piece, fault: Score | Fault, attempts: int) -> None:
        detail = f"{fault.code} {fault.detail}".strip() if isinstance(fault, Fault) else ""
        reason = Reason(
            "poison", stage="score", detail=detail, attempts=attempts,
            texts=(piece.utterance.index,), revision=piece.lane.identity.model.revision,
        )  # fmt: skip
        self._park(piece.delivery, reason, piece)

    def _repeated(self, delivery: Delivery) -> None:
        self._meter.count(metrics.DUPLICATES, delivery.connector)
        delivery.trace.note("duplicate")
        self._done(delivery)

    def _done(self, delivery: Delivery) -> None:
        delivery.owes -= 1
        if not delivery.owes:
            delivery.ack()

    def _count(self, parcel: Parcel) -> None:
        if not (parcel.tone or parcel.code):
            self._meter.count(metrics.REPLIES, parcel.delivery.connector)
            return
        self._latency.observe(time.monotonic() - parcel.delivery.received)
        self._breaker.note(parked=not parcel.tone)
        if sent := parcel.delivery.properties.get("timestamp"):
            self._ages.observe(time.time() - sent)
        if parcel.tone:
            self._meter.count(metrics.EVENTS, parcel.delivery.connector, parcel.tone)
        else:
            self._meter.count(metrics.PARKED, parcel.delivery.connector, parcel.code)
