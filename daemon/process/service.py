"""The daemon as a process: connecting, working, losing the connection, draining."""

from __future__ import annotations

import time
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import tenacity

from connectors.amqp.connection import Garbled, Refused
from connectors.errors import Misconfigured, Unavailable
from daemon.pipeline.intake import Intake
from daemon.pipeline.pipeline import Pipeline
from daemon.pipeline.publisher import Publisher
from daemon.pipeline.scorer import Scorer
from daemon.pipeline.shadow import Comparison, Shadows
from daemon.process import wiring
from daemon.process.watchdog import Watchdog
from daemon.status.reporter import Gauges, Reporter
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.cache import RedisStore, Store
    from connectors.ports import Edges
    from daemon.pipeline.work import Item
    from daemon.process.signals import Signals
    from daemon.settings import Settings
    from daemon.status.snapshot import State
    from daemon.telemetry.tracer import Tracer

_IDLE_SECONDS = 1.0
_BUSY_SECONDS = 0.1
_BUG_SECONDS = 10.0
_LONGEST_PAUSE = 600.0
_LOSSES_UNTIL_QUARANTINE = 3
_MOST_LOSSES = 13
"""With more, pauses would be no longer."""
_log = structlog.get_logger(__name__)


class Service:
    """One daemon under one set of settings.

    Attributes:
        ready: Whether it has ever consumed.
    """

    def __init__(
        self,
        settings: Settings,
        edges: Edges,
        store: Store,
        signals: Signals,
        reporter: Reporter | None = None,
        tracer: Tracer | None = None,
        *,
        yields: bool = False,
    ) -> None:
        """Wire the parts; connect nothing yet.

        Reporter and tracer last as long as the process. One that yields leaves the workers to
        others while these keep them busy.

        Raises:
            Misconfigured: A model cannot be identified, or memory might run out.
        """
        self._edges = edges
        self._signals = signals
        signals.wakeup = edges.wakeup
        self._settings = settings.daemon
        self._connectors = len(settings.connectors)
        self._reporter = reporter or Reporter()
        self.registry = self._reporter.registry
        self.worst_case_bytes = wiring.worst_case_bytes(settings)
        routes = wiring.routes(settings)
        cache = wiring.cache(settings, store)
        served = dict(
            each
            for route in routes.values()
            for each in (*route.routing.all_models, *route.further)
        )
        self._models = sorted(served)
        self.scorer: Scorer[Item] = Scorer(
            served, settings.daemon, cache, time.monotonic, registry=self.registry, tracer=tracer,
            yields=yields,
        )  # fmt: skip
        tried = dict(route.shadow for route in routes.values() if route.shadow)
        # shadow scoring does not count as progress for the watchdog
        shadow_scorer: Scorer[Comparison] = Scorer(tried, settings.daemon, cache, time.monotonic)
        shadows = Shadows(shadow_scorer, cache, self.registry)
        self._publisher = Publisher(edges, settings.daemon.confirm_timeout, time.monotonic)
        tally = wiring.tally(settings, self.registry)
        self.intake = Intake(
            routes, edges=edges, scorer=self.scorer, publisher=self._publisher, tally=tally
        )
        self.pipeline = Pipeline(
            edges=edges,
            routes=routes,
            scorer=self.scorer,
            cache=cache,
            tally=tally,
            intake=self.intake,
            publisher=self._publisher,
            shadows=shadows,
        )
        self._watch = Watchdog(signals.supervisor, settings.daemon)
        self._reporter.report_on(
            store,
            self._watch.look,
            self._gauges,
            revisions={name: identity.model.revision for name, identity in served.items()},
            worst_case=self.worst_case_bytes,
        )
        self._losses = 0
        self.ready = False

    def run(self, begun: Callable[[], None] | None = None) -> None:
        """Work until told to stop or to reload; `begun` is called once it consumes.

        Raises:
            Misconfigured: It could not even begin, and never will as things are.
        """
        while not self._signals.called():
            ready = self.ready
            if not self._open():
                break
            if begun and not ready:
                begun()
            opened, done = time.monotonic(), self._done()
            try:
                self._work()
                self._drain()
            except Unavailable as lost:
                # where nothing was out, nothing was counted
                free = self._done() > done or not self.pipeline.in_flight
                self._edges.drop()
                self._lose(lost, time.monotonic() - opened, free=free)
            except Exception as bug:  # noqa: BLE001 - a bug of ours: no message is to pay for it
                self._edges.drop()
                self._break_down(bug)
            self.pipeline.reset()

    def _work(self) -> None:
        while not self._signals.called():
            self.pipeline.turn(_BUSY_SECONDS if self.pipeline.busy else _IDLE_SECONDS)
            self._tell()

    def _tell(self) -> None:
        paused = len(self.intake.pauses)
        state: State = "quarantine" if self.intake.quarantined else "working"
        if paused and paused == self._connectors:
            state = "paused"
        if state != self._reporter.state:
            self._reporter.enter(state)
        self._reporter.tick()

    def _done(self) -> float:
        return self.registry.total(metrics.EVENTS) + self.registry.total(metrics.PARKED)

    def _lose(self, lost: Unavailable, lived: float, *, free: bool) -> None:
        """See that a connection that is lost again and again costs no message its deliveries."""
        self.registry.count(metrics.RECONNECTS)
        _log.warning(
            "disconnected", error=str(lost), kind=type(lost).__name__, lived=round(lived, 1)
        )
        self._blame(lost, free=free)
        if self._losses > 1:
            self._pause(min(0.1 * 2**self._losses, _LONGEST_PAUSE))

    def _blame(self, lost: Unavailable, *, free: bool = False) -> None:
        """Allow one delivery at a time where one is to blame: the delivery limit parks it alone."""
        known = isinstance(lost, Garbled)
        self._losses = 0 if free or known else min(self._losses + 1, _MOST_LOSSES)
        if known or self._losses >= _LOSSES_UNTIL_QUARANTINE:
            self.intake.quarantine(garbled=known)

    def _break_down(self, bug: Exception) -> None:
        """Stop consuming: no message caused this, and starting over would cause it again."""
        frame = traceback.extract_tb(bug.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        _log.error(
            "internal_error", error=type(bug).__name__, where=where,
            fix="a setting or a bug: correct the settings and reload, or report it; "
            "nothing is consumed until then, and nothing is lost",
        )  # fmt: skip
        self.intake.stop("internal-error")
        self._pause(_BUG_SECONDS)

    def _pause(self, seconds: float) -> None:
        """Sleep, still publishing status; return early on a stop or reload request."""
        until = time.monotonic() + seconds
        while not self._signals.called() and (left := until - time.monotonic()) > 0:
            self._reporter.tick()
            self._edges.wakeup.wait(min(left, _IDLE_SECONDS))

    def _gauges(self) -> Gauges:
        if not self.ready:
            return Gauges()
        return Gauges(
            blocked=self._edges.blocked,
            in_flight=self.pipeline.in_flight,
            waiting=self.scorer.waiting,
            unconfirmed=self._edges.sink.unconfirmed,
            refusals=self._publisher.refusals,
            pauses={name: each.reason for name, each in self.intake.pauses.items()},
            workers={model: self.scorer.workers(model) for model in self._models},
        )

    def _drain(self) -> None:
        """Stop consuming, finish what is in flight, return the rest."""
        self._reporter.enter("draining")
        _log.info("drain_started", in_flight=self.pipeline.in_flight)
        if self._signals.stop:
            self._watch.draining(self.pipeline.in_flight, self._settings.drain_seconds)
        deadline = time.monotonic() + self._settings.drain_seconds
        self.intake.close()
        self._edges.source.cancel()
        while self.pipeline.in_flight and self._signals.stop <= 1 and time.monotonic() < deadline:
            self.pipeline.turn(_BUSY_SECONDS)
            self._reporter.tick()
        self.pipeline.remember()
        returned = self.pipeline.in_flight
        self._edges.source.give_back()
        self._edges.close()
        _log.info("drain_finished", returned=returned)

    def _open(self) -> bool:
        """Connect, with growing pauses; return False where called away meanwhile."""
        self._reporter.enter("connecting")
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            wait=wiring.RECONNECT_PAUSES,
            stop=lambda _: self._signals.called(),
            sleep=self._pause,
            before_sleep=self._say_unavailable,
            retry_error_callback=lambda _: False,
        )
        return bool(retrying(self._open_once))

    def _open_once(self) -> bool:
        consuming = False
        try:
            self._edges.open()
            consuming = True
            self.intake.start(first=not self.ready)
        except (Unavailable, Misconfigured) as error:
            self._edges.drop()
            if consuming and not isinstance(error, Refused | Misconfigured):
                self._blame(error)
            if self.ready:
                # it has worked before, so it is likely to be fixed
                raise Unavailable(str(error)) from error.__cause__
            if isinstance(error, Refused):
                raise Misconfigured(f"{str(error).rstrip('.')}. Fix: {error.fix}") from error
            raise
        _log.info(
            "reconnected" if self.ready else "daemon_ready",
            quarantine=self.intake.quarantined,
            worst_case_mb=self.worst_case_bytes // 1_000_000,
        )
        self.ready = True
        self._watch.connected()
        self._tell()
        return True

    def _say_unavailable(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._watch.missed(error)
        _log.warning(
            "bus_unavailable", error=str(error), attempt=state.attempt_number,
            next_in=round(state.upcoming_sleep, 1),
        )  # fmt: skip


@contextmanager
def serving(
    settings: Settings, edges: Edges, store: RedisStore, signals: Signals, reporter: Reporter,
    tracer: Tracer | None = None, *, yields: bool = False,
) -> Iterator[Service]:  # fmt: skip
    """Wire a service; close what it held when it is replaced, or a reload would leak it."""
    try:
        yield Service(settings, edges, store, signals, reporter, tracer, yields=yields)
    finally:
        # a signal must not write to a descriptor that is closed, or is another file's by then
        signals.wakeup = None
        edges.wakeup.close()
        store.close()
