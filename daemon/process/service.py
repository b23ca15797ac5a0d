"""The daemon as a process: signals, reconnecting, caution, draining and reloading."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
import tenacity

from connectors.amqp.connection import Garbled, Refused
from connectors.errors import Misconfigured, Unavailable
from daemon.pipeline.breaker import Breaker
from daemon.pipeline.pipeline import Pipeline
from daemon.pipeline.publisher import Outbox
from daemon.pipeline.scorer import Labeller
from daemon.pipeline.shadow import Shadows
from daemon.process import wiring
from daemon.process.watchdog import Watch
from daemon.status.reporter import Gauges, Reporter
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from connectors.cache import Store
    from connectors.ports import Edges
    from daemon.pipeline.work import Piece
    from daemon.process.signals import Signals
    from daemon.settings import Settings
    from daemon.telemetry.tracing import Tracer

_IDLE_SECONDS = 1.0
_BUSY_SECONDS = 0.1
_STEADY_SECONDS = 10.0
_QUARANTINE_SECONDS = 2.0
_TRIAL_SECONDS = 15.0
_log = structlog.get_logger(__name__)


class Service:
    """One daemon under one set of settings.

    Attributes:
        pipeline: The message path.
        meter: What it has done.
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
    ) -> None:
        """Wire the parts; connect nothing yet.

        Args:
            settings: Everything.
            edges: The bus.
            store: Where scores, marks and the daemon's notes live.
            signals: What the operator asks for.
            reporter: Counts over the whole life of the process.
            tracer: Traces over the whole life of the process.

        Raises:
            Misconfigured: A model cannot be identified, or memory might run out.
        """
        self._edges = edges
        self._signals = signals
        signals.wakeup = edges.wakeup
        self._settings = settings.daemon
        self._reporter = reporter or Reporter()
        self.meter = self._reporter.meter
        self.worst_case_bytes = wiring.worst_case_bytes(settings)
        self.breaker = Breaker(
            window=settings.daemon.parked_window, share=settings.daemon.parked_share
        )
        lanes = wiring.lanes(settings)
        self._models = sorted({lane.model for lane in lanes.values()})
        self.labeller: Labeller[Piece] = Labeller(
            self._models,
            settings.daemon,
            time.monotonic,
            meter=self.meter,
            tracer=tracer,
        )
        cache = wiring.cache(settings, store)
        tried = sorted({lane.shadow.model for lane in lanes.values() if lane.shadow})
        # the shadows' work is not progress, and must not hide that there is none
        shadows = Shadows(Labeller(tried, settings.daemon, time.monotonic), cache, self.meter)
        self._outbox = Outbox(settings.daemon.confirm_timeout, time.monotonic)
        self.pipeline = Pipeline(
            edges=edges,
            lanes=lanes,
            labeller=self.labeller,
            cache=cache,
            meter=self.meter,
            breaker=self.breaker,
            outbox=self._outbox,
            shadows=shadows,
        )
        self._watch = Watch(signals.supervisor, settings.daemon)
        self._reporter.attend(
            store,
            self._watch,
            self._gauges,
            revisions={lane.model: lane.identity.model.revision for lane in lanes.values()},
            worst_case=self.worst_case_bytes,
        )
        self._careful = False
        self._losses = 0
        self.ready = False

    def run(self) -> None:
        """Work until told to stop or to reload.

        Raises:
            Misconfigured: It could not even begin, and never will as things are.
        """
        while not self._signals.called():
            if not self._open():
                break
            opened = time.monotonic()
            try:
                self._work()
                self._drain()
            except Unavailable as lost:
                self._edges.drop()
                self._lose(lost, time.monotonic() - opened)
            self.pipeline.reset()
            if self.breaker.tripped and not self._signals.called():
                self._hold_back()

    def _work(self) -> None:
        """Take turns, until called away, or until care must begin or may end."""
        opened = time.monotonic()
        events = self.meter.total(metrics.EVENTS)
        while not self._signals.called() and not self.breaker.tripped:
            self.pipeline.turn(_BUSY_SECONDS if self.pipeline.busy else _IDLE_SECONDS)
            self._reporter.tick()
            if self._careful and self.meter.total(metrics.EVENTS) > events:
                self.breaker.reset()
            if self._careful and time.monotonic() - opened > _QUARANTINE_SECONDS:
                self._careful = False
                _log.info("caution_ended")
                return

    def _lose(self, lost: Unavailable, lived: float) -> None:
        self.meter.count(metrics.RECONNECTS)
        _log.warning("bus_lost", error=str(lost), kind=type(lost).__name__, lived=round(lived, 1))
        if isinstance(lost, Garbled):
            # one delivery is to blame: with only one out, no innocent one is redelivered, and
            # the queue's delivery limit will put the guilty one away
            self._careful = True
            return
        self._losses = 0 if lived > _STEADY_SECONDS else self._losses + 1
        if self._losses > 1:
            self._pause(min(0.1 * 2**self._losses, _STEADY_SECONDS))

    def _hold_back(self) -> None:
        """Everything was bad: look again later, with a single message."""
        _log.error(
            "everything_parked", share=self._settings.parked_share,
            of_last=self._settings.parked_window, next_try_in=_TRIAL_SECONDS,
            fix="the last messages were parked: see `detail` of message_parked, and mend the "
            "connector or the model; then replay sentiment.parked",
        )  # fmt: skip
        self._careful = True
        self._reporter.enter("holding")
        self._pause(_TRIAL_SECONDS)
        self.breaker.tripped = False

    def _pause(self, seconds: float) -> None:
        """Sleep until called away, and go on telling how it stands."""
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
            waiting=self.labeller.waiting,
            unconfirmed=self._edges.sink.unconfirmed,
            refusals=self._outbox.refusals,
            workers={model: self.labeller.workers(model) for model in self._models},
        )

    def _drain(self) -> None:
        """Stop consuming, finish what is in flight, return the rest."""
        self._reporter.enter("draining")
        _log.info("drain_started", in_flight=self.pipeline.in_flight)
        if self._signals.stop:
            self._watch.draining(self.pipeline.in_flight, self._settings.drain_seconds)
        deadline = time.monotonic() + self._settings.drain_seconds
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
        try:
            self._edges.open(careful=self._careful)
        except (Unavailable, Misconfigured) as error:
            self._edges.drop()
            if self.ready:
                # it has worked before, so somebody will mend it
                raise Unavailable(str(error)) from error.__cause__
            if isinstance(error, Refused):
                raise Misconfigured(
                    f"{error}. Fix: check the user, password, virtual host and permissions"
                ) from error
            raise
        _log.info(
            "bus_regained" if self.ready else "daemon_ready",
            careful=self._careful,
            worst_case_mb=self.worst_case_bytes // 1_000_000,
        )
        self.ready = True
        self._watch.connected()
        self._reporter.enter("careful" if self._careful else "working")
        return True

    def _say_unavailable(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._watch.missed(error)
        _log.warning(
            "bus_unavailable", error=str(error), attempt=state.attempt_number,
            next_in=round(state.upcoming_sleep, 1),
        )  # fmt: skip
