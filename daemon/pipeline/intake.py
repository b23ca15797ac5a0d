"""Which connectors consume just now, and why the others do not.

RabbitMQ ends a consumer that holds a delivery for too long, and counts each return towards the
delivery limit. So nothing is held while nothing can be done: after `hold_seconds` a connector is
paused and its deliveries are given back, once for an outage of any length. It consumes again when
the cause is gone. Only where the messages themselves are bad does it take a trial delivery to find
that out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from connectors.amqp.bookmark import Taken
from connectors.amqp.connection import Refused
from connectors.errors import Misconfigured, Unavailable
from daemon.pipeline import pauses
from daemon.pipeline.limits import SLOW_HOLDS
from daemon.pipeline.pauses import Causes, ConnectorState, Pause
from daemon.pipeline.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.amqp.consumer import Ended
    from connectors.ports import Edges
    from daemon.pipeline.publisher import Publisher
    from daemon.pipeline.scorer import Scorer
    from daemon.pipeline.tally import Tally
    from daemon.pipeline.work import Item, Route

_REVIEW_SECONDS = 0.25
_RETRY_SECONDS = 10.0
_LONGEST_RETRY_SECONDS = 60.0
"""A retry may cost every connector its connection."""
_LONGEST_TRIAL = 300.0
_WIND_DOWN = 5.0
_FEWER = 4
"""Divides the number of deliveries that are held from then on."""
_log = structlog.get_logger(__name__)


class Intake:
    """Starts and stops the consumers of one daemon. It outlives its connections."""

    def __init__(
        self, routes: Mapping[str, Route], *, edges: Edges, scorer: Scorer[Item],
        publisher: Publisher, tally: Tally,
    ) -> None:  # fmt: skip
        self._connectors = {}
        for name, route in routes.items():
            models = [each.name for each in route.routing.all_models]
            breakers = [tally.mapping[name], *(tally.scoring[model] for model in models)]
            self._connectors[name] = ConnectorState(models, breakers)
        self._edges = edges
        self._publisher = publisher
        self._causes = Causes(edges, scorer, publisher)
        self._hold = scorer.hold
        self._long = scorer.hold * SLOW_HOLDS
        self._clock = scorer.clock
        self._due = 0.0
        self._closed = False
        self._quarantine = Quarantine(
            list(routes), edges, scorer.clock,
            give_up=self._pause_refused,
        )  # fmt: skip

    @property
    def pauses(self) -> dict[str, Pause]:
        """The connectors that do not consume, on purpose."""
        return {
            name: each.pause
            for name, each in self._connectors.items()
            if each.pause and each.pause.reason != pauses.STANDBY
        }

    @property
    def quarantined(self) -> bool:
        """Whether only one delivery is out at a time, over all connectors."""
        return self._quarantine.on

    def quarantine(self, *, garbled: bool = False) -> None:
        """Allow one delivery at a time from the next connection on: one of them is to blame.

        `garbled` says that the connection was lost over what the broker sent.
        """
        self._quarantine.begin(garbled=garbled)

    def stop(self, reason: str) -> None:
        """Consume no more under these settings."""
        for connector in self._connectors.values():
            connector.pause = Pause(reason, self._clock())
        self._closed = True

    def close(self) -> None:
        self._closed = True

    def start(self, *, first: bool = False) -> None:
        """Start what is not paused, on a new connection.

        Raises:
            Misconfigured: At the first start, as `source.start` has it: the deployment cannot work.
            Refused: Likewise.
        """
        for connector in self._connectors.values():
            connector.trial = connector.grow = False
            connector.prefetch = 0
            if connector.pause:
                connector.pause.ping, connector.pause.stopped = None, True
        if self._quarantine.on:
            self._quarantine.start(self._startable())
            return
        for name in self._startable():
            self._start(name, raising=first)

    def takes(self, name: str) -> bool:
        connector = self._connectors[name]
        return not connector.pause and not connector.tripped

    def came_through(self, name: str) -> None:
        connector = self._connectors[name]
        if connector.trial:
            for breaker in connector.breakers:
                breaker.reset()
            connector.delay = pauses.FIRST_TRIAL
            connector.trial, connector.grow = False, True

    def review(self) -> bool:
        """Pause what cannot go on, and start again what can.

        Returns:
            Whether deliveries were given back.

        Raises:
            Unavailable: They can only be given back with the connection.
        """
        ended = self._edges.source.ended()
        for each in ended:
            self._end(each)
        now = self._clock()
        if now < self._due or self._closed:
            return bool(ended)
        self._due = now + _REVIEW_SECONDS
        if self._edges.blocked:
            self._look_at_alarm()
            return bool(ended)
        if self._quarantine.on:
            self._end_pauses()
            if not self._quarantine.review(self._startable()):
                self.start()
            return True
        before = self._edges.source.unsettled
        for name, connector in self._connectors.items():
            if connector.pause:
                self._look_again(name, connector, connector.pause)
            else:
                self._look_at(name, connector)
        return bool(ended) or self._edges.source.unsettled != before

    def _startable(self) -> list[str]:
        return [name for name, each in self._connectors.items() if not each.pause]

    def _look_at_alarm(self) -> None:
        """Give everything back by closing the connection, which RabbitMQ no longer reads from."""
        received = filter(None, map(self._edges.source.oldest, self._connectors))
        if self._clock() - min(received, default=self._clock()) > self._hold:
            for name in self._startable():
                self._pause(name, Pause(pauses.ALARM))
            raise Unavailable("RabbitMQ has not taken any message for too long")

    def _look_at(self, name: str, connector: ConnectorState) -> None:
        """Find a reason to pause a connector that consumes."""
        now = self._clock()
        if not self.takes(name):
            reason = pauses.BAD_MESSAGES if connector.breakers[0].tripped else pauses.BAD_SCORES
            trial = Pause(reason, until=now + connector.delay, stopped=False)
            connector.delay = min(connector.delay * 2, _LONGEST_TRIAL)
            connector.trial = False
            self._pause(name, trial)
            self._edges.source.cancel(name)
            return
        if connector.grow or (connector.prefetch and now - connector.slow_at > self._long):
            connector.grow = False
            self._restart(name, 0)
            return
        oldest = self._edges.source.oldest(name)
        age = now - oldest if oldest is not None else 0.0
        if age > self._hold:
            connector.slow_at = now
        if age > self._hold and (pause := self._causes.find(name, connector.models)):
            self._pause(name, pause)
            self._edges.source.stop(name)
        elif age > self._long and (held := self._edges.source.unsettled_of(name)) > 1:
            fewer = max(1, held // _FEWER)
            _log.warning("prefetch_lowered", connector=name, prefetch=fewer, waited=round(age))
            self._restart(name, fewer)

    def _look_again(self, name: str, connector: ConnectorState, pause: Pause) -> None:
        """See whether the reason for a pause is gone."""
        now = self._clock()
        if not pause.stopped:
            # copies under way should be confirmed first, or they would be made twice
            pause.stopped = not self._publisher.busy_with(name) or now - pause.since > _WIND_DOWN
            if pause.stopped:
                self._edges.source.stop(name)
            return
        if not self._causes.is_over(pause, connector.models):
            return
        if pause.reason == pauses.STANDBY:
            connector.pause = None
            self._start(name, standby=True)
            return
        self._resume(name, connector, pause)
        self._start(name, prefetch=1 if connector.trial else connector.prefetch)

    def _end_pauses(self) -> None:
        """Let connectors have their turns again that a cause from outside kept from going on."""
        for name, connector in self._connectors.items():
            pause = connector.pause
            if not pause or pause.reason not in pauses.FROM_OUTSIDE:
                continue
            if self._causes.is_over(pause, connector.models):
                self._resume(name, connector, pause)

    def _resume(self, name: str, connector: ConnectorState, pause: Pause) -> None:
        """End a pause; the caller starts the connector."""
        connector.pause = None
        _log.info("connector_resumed", connector=name, reason=pause.reason,
                  after=round(self._clock() - pause.since, 1))  # fmt: skip
        if pause.reason in {pauses.BAD_MESSAGES, pauses.BAD_SCORES}:
            # its history stays: one more that is parked trips it again
            for breaker in connector.breakers:
                breaker.tripped = False
            connector.trial = True

    def _end(self, ended: Ended) -> None:
        """RabbitMQ has ended a consumer and taken its deliveries back."""
        connector = self._connectors[ended.connector]
        _log.warning(
            "consumer_ended", connector=ended.connector, reason=ended.reason, detail=ended.detail,
            held=round(ended.held, 1), fix=pauses.ENDED[ended.reason],
        )  # fmt: skip
        if connector.pause or self._closed or self._quarantine.on:
            return
        connector.trial = connector.grow = False
        if ended.reason == "timeout":
            if pause := self._causes.find(ended.connector, connector.models):
                self._pause(ended.connector, pause)
                return
            connector.prefetch = max(1, ended.unsettled // _FEWER)
            connector.slow_at = self._clock()
        elif ended.reason == "closed":
            self._pause_refused(ended.connector)
            return
        self._start(ended.connector, prefetch=connector.prefetch)

    def _pause(self, name: str, pause: Pause) -> None:
        pause.since = self._clock()
        self._connectors[name].pause = pause
        where = str(pause.destination) if pause.destination else ""
        _log.error(
            "connector_paused", connector=name, reason=pause.reason, destination=where,
            models=", ".join(pause.models), fix=pauses.FIXES[pause.reason],
        )  # fmt: skip

    def _pause_refused(self, name: str, before: int = 0) -> None:
        """Pause until a retry, for longer the more of them were in vain before."""
        seconds = min(_RETRY_SECONDS * (1 + before), _LONGEST_RETRY_SECONDS)
        self._pause(name, Pause(pauses.REFUSED_CONSUMER, until=self._clock() + seconds))

    def _restart(self, name: str, prefetch: int) -> None:
        self._connectors[name].prefetch = prefetch
        self._edges.source.stop(name)
        self._start(name, prefetch=prefetch)

    def _start(
        self, name: str, *, prefetch: int = 0, raising: bool = False, standby: bool = False
    ) -> None:
        try:
            self._edges.source.start(name, prefetch)
            self._quarantine.started(name)
        except Taken:
            if not standby:
                _log.info("connector_standby", connector=name)
            now = self._clock()
            self._connectors[name].pause = Pause(pauses.STANDBY, now, now + _RETRY_SECONDS)
        except (Misconfigured, Refused) as error:
            if raising:
                raise
            _log.warning("consumer_refused", connector=name, error=str(error),
                         fix=pauses.FIXES[pauses.REFUSED_CONSUMER])  # fmt: skip
            self._pause_refused(name)
