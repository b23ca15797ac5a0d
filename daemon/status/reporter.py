"""The daemon's own report: once a second it reads its counters and writes a snapshot to Redis."""

from __future__ import annotations

import time
from collections.abc import Mapping  # noqa: TC003 - a NamedTuple reads its types at run time
from dataclasses import fields
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, get_args

import structlog

from daemon.status import snapshot
from daemon.status.incidents import LEDGER
from daemon.status.process import ProcessIdentity
from daemon.status.rates import History
from daemon.status.snapshot import Agreement, DaemonSnapshot, HourSnapshot, Rates, State
from daemon.telemetry import metrics
from daemon.telemetry.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.cache import Store

    Look = Callable[[float, DaemonSnapshot, float], object]

_EVERY_SECONDS = 1.0
_HOUR_EVERY_SECONDS = 5.0
_STATES = get_args(State)
_TOTALS = {
    "deliveries": metrics.DELIVERIES, "events": metrics.EVENTS, "scored": metrics.SCORED,
    "parked": metrics.PARKED, "cached": metrics.CACHED,
}  # fmt: skip
_PROGRESS = (
    metrics.EVENTS, metrics.DUPLICATES, metrics.PARKED, metrics.SKIPPED, metrics.SCORED,
    metrics.FAILED, metrics.REFUSED,
)  # fmt: skip
_log = structlog.get_logger(__name__)


class Gauges(NamedTuple):
    """What a daemon knows about itself at one moment.

    Attributes:
        refusals: Messages that the broker did not take, so far.
        pauses: Why a connector does not consume, by its name.
    """

    blocked: bool = False
    in_flight: int = 0
    waiting: int = 0
    unconfirmed: int = 0
    refusals: int = 0
    workers: Mapping[str, int] = MappingProxyType({})
    pauses: Mapping[str, str] = MappingProxyType({})


class Reporter:
    """What a daemon reports of itself, over its whole life and any number of reloads."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.state: State = "connecting"
        self._identity = ProcessIdentity("daemon")
        self._history = History()
        self._latency = self.registry.histogram(metrics.LATENCY)
        self._store: Store | None = None
        self._look: Look | None = None
        self._ask: Callable[[], Gauges] = Gauges
        self._gauges = Gauges()
        self._revisions: Mapping[str, str] = {}
        self._worst_case = 0
        self._due = self._hour_due = 0.0

    def report_on(
        self,
        store: Store,
        look: Look,
        gauges: Callable[[], Gauges],
        *,
        revisions: Mapping[str, str],
        worst_case: int,
    ) -> None:
        """Report on a service from now on.

        `look` takes in the monotonic time, each snapshot, and how much work was ever done; models
        have their revisions by their names in the settings.
        """
        self._store, self._look, self._ask = store, look, gauges
        self._revisions, self._worst_case = dict(revisions), worst_case

    def enter(self, state: State) -> None:
        """Note what the daemon does from now on; the next snapshot says so."""
        self.state = state
        self._due = 0.0

    def tick(self) -> None:
        """Report if it is time: cheap enough to be called every turn."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + _EVERY_SECONDS
        try:
            self._gauges = self._ask()
            self._read(now)
            current = self._snapshot()
            if self._look:
                self._look(now, current, sum(map(self.registry.total, _PROGRESS)))
            self._post(now, current)
        except Exception as error:  # noqa: BLE001 - a report must never stop the work
            _log.warning("report_failed", error=type(error).__name__)

    def _read(self, now: float) -> None:
        registry = self.registry
        self._history.read(
            now,
            time.time(),
            totals={name: registry.total(metric) for name, metric in _TOTALS.items()},
            tones=registry.by(metrics.EVENTS, "tone"),
            latency=self._latency.counts,
        )
        LEDGER.count_in(registry)
        for state in _STATES:
            registry.set(metrics.STATE, state, to=float(state == self.state))
        registry.set(metrics.REDIS_OPEN, to=float(bool(self._redis_fault)))
        gauges = self._gauges
        connected = self.state not in {"connecting", "stopped"}
        registry.set(metrics.CONNECTED, to=float(connected))
        # of a broker that is out of reach nothing is known
        registry.replace(metrics.BLOCKED, {(): float(gauges.blocked)} if connected else {})
        workers = gauges.workers if connected else {}
        registry.replace(metrics.WORKERS, {(model,): n for model, n in workers.items()})
        registry.replace(metrics.PAUSED, dict.fromkeys(gauges.pauses.items(), 1.0))
        registry.set(metrics.IN_FLIGHT, to=gauges.in_flight)
        registry.set(metrics.WAITING, to=gauges.waiting)
        registry.set(metrics.UNCONFIRMED, to=gauges.unconfirmed)
        registry.set(metrics.REFUSED, to=gauges.refusals)
        registry.set(metrics.REPORTED, to=time.time())
        registry.fresh_until = now + self._patience + snapshot.LIVE_SECONDS

    def _post(self, now: float, current: DaemonSnapshot) -> None:
        if self._store is None:
            return
        key = snapshot.KEY + self._identity.instance.encode()
        writes = [(key, snapshot.encode(current), current.patience + snapshot.LIVE_SECONDS)]
        if now >= self._hour_due or self.state == "stopped":
            hour = HourSnapshot(minutes=self._history.minutes())
            # someone who tries Tonebus should see the first event at once
            self._hour_due = now + (_HOUR_EVERY_SECONDS if hour.minutes else 0)
            writes.append((key + b":hour", snapshot.encode(hour), snapshot.HOUR_SECONDS))
        self._store.post(snapshot.INDEX, writes)

    def _snapshot(self) -> DaemonSnapshot:
        registry, history, gauges = self.registry, self._history, self._gauges
        return DaemonSnapshot(
            **self._identity.now(self._patience),
            state=self.state,
            blocked=gauges.blocked,
            rates=Rates(**{each.name: history.rate(each.name) for each in fields(Rates)}),
            latency=history.recent_latency(),
            cached=int(history.recent("cached")),
            recent=int(history.recent("events")),
            in_flight=gauges.in_flight,
            waiting=gauges.waiting,
            unconfirmed=gauges.unconfirmed,
            worst_case=self._worst_case,
            deliveries=int(registry.total(metrics.DELIVERIES)),
            events=int(registry.total(metrics.EVENTS)),
            duplicates=int(registry.total(metrics.DUPLICATES)),
            workers=dict(gauges.workers),
            revisions=dict(self._revisions),
            parked=registry.by(metrics.PARKED, "code"),
            skipped=registry.by(metrics.SKIPPED, "reason"),
            languages=registry.by(metrics.LANGUAGES, "language"),
            unread=registry.by(metrics.LANGUAGES, "read").get("no", 0),
            pauses=dict(gauges.pauses),
            shadow=agreement(registry),
            redis=self._redis_fault,
            incidents=LEDGER.recent(),
        )

    @property
    def _patience(self) -> int:
        connecting = self.state == "connecting"
        return snapshot.CONNECTING_PATIENCE if connecting else snapshot.PATIENCE

    @property
    def _redis_fault(self) -> str:
        return str(getattr(self._store, "fault", ""))


def agreement(registry: Registry) -> dict[str, Agreement]:
    """Return of each shadow model how often its tone was the one published, and of how many."""
    found: dict[str, Agreement] = {}
    for (_, model, tone, shadow), count in list(registry.values[metrics.SHADOW].items()):
        known = found.get(model, Agreement())
        same = known.same + int(count) * (tone == shadow)
        found[model] = Agreement(same, known.of + int(count))
    return found
