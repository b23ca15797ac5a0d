"""Polls everything once a second, and keeps the result for those who ask."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import structlog

from api.status import health
from api.status.aggregate import incidents_of, queue_of, tones_of, totals_of
from api.status.health import Facts
from api.status.schemas import ModelStatus, Status
from daemon.status import snapshot
from daemon.status.incidents import LEDGER
from daemon.status.snapshot import (
    LIVE_SECONDS,
    PATIENCE,
    DaemonSnapshot,
    HourSnapshot,
    WorkerSnapshot,
)
from daemon.telemetry import metrics
from daemon.telemetry.release import RELEASE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from connectors.cache import Store
    from daemon.pipeline.predictor import Predictor
    from daemon.status.snapshot import Daemon, Worker

_EVERY_SECONDS = 1.0
_LOST_SECONDS = 600.0
_SETTLING_SECONDS = PATIENCE + LIVE_SECONDS
_Seen = TypeVar("_Seen", DaemonSnapshot, WorkerSnapshot)
_log = structlog.get_logger(__name__)


class Poller:
    """What is known of the whole: this process's own part at once, the others' of a second ago."""

    def __init__(
        self, predictor: Predictor, store: Store, *, consuming: bool,
        further: Mapping[str, Sequence[str]],
    ) -> None:  # fmt: skip
        """Look at nothing yet; `consuming` and `further` are those of `Facts`."""
        self._predictor = predictor
        self._store = store
        self._received: dict[tuple[str, float], float] = {}
        self._last: dict[str, Daemon] = {}
        self._lost: dict[str, tuple[Daemon, float]] = {}
        self._blind_until = time.monotonic() + _SETTLING_SECONDS
        self._sighted_until = 0.0
        self._consuming = consuming
        self._further = further
        self._daemons: list[DaemonSnapshot] = []
        self._workers: list[WorkerSnapshot] = []
        self._hours: list[HourSnapshot] = []
        self._looked = asyncio.Condition()
        self._closed = False

    async def run(self) -> None:
        """Look once a second until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Poll once, and wake those who follow."""
        try:
            self._take(await asyncio.to_thread(self._store.gather, snapshot.INDEX))
        except Exception as error:  # noqa: BLE001 - the next look may succeed; its age shows on the page
            _log.warning("watch_failed", error=type(error).__name__)
            return
        async with self._looked:
            self._looked.notify_all()

    async def follow(self) -> AsyncIterator[Status]:
        """Yield every look from now on, until `close`."""
        while not self._closed:
            yield self.status()
            async with self._looked:
                await self._looked.wait()

    async def close(self) -> None:
        """Have all that follow end: an open page must not delay a stop."""
        self._closed = True
        async with self._looked:
            self._looked.notify_all()

    def _take(self, found: Mapping[bytes, bytes]) -> None:
        now = time.monotonic()
        snapshots = list(snapshot.decode(found.values()))
        self._daemons = [each for each in snapshots if isinstance(each, DaemonSnapshot)]
        self._workers = [each for each in snapshots if isinstance(each, WorkerSnapshot)]
        self._hours = [each for each in snapshots if isinstance(each, HourSnapshot)]
        # our own clock decides how fresh a snapshot is, for the writer's may be wrong
        self._received = {
            (each.instance, each.at): self._received.get((each.instance, each.at), now)
            for each in (*self._daemons, *self._workers)
        }
        if self._redis:
            # who vanished with Redis is not lost, and needs a moment to report again
            self._blind_until = now + _SETTLING_SECONDS
        self._note_losses(now)
        self._sighted_until = now + PATIENCE

    @property
    def _redis(self) -> str:
        return str(getattr(self._store, "fault", ""))

    def _alive(self, now: float) -> list[DaemonSnapshot]:
        return [self._seen(each, now) for each in self._daemons if each.state != "stopped"]

    def _seen(self, each: _Seen, now: float) -> _Seen:
        silent = now - self._received[each.instance, each.at]
        return replace(each, silent=silent, lost=silent > each.patience)

    def status(self) -> Status:
        now = time.monotonic()
        alive = self._alive(now)
        reporting: list[Worker] = [self._seen(each, now) for each in self._workers]
        predictor = self._predictor
        queues = [queue_of(name, each) for name, each in predictor.backlogs.items()]
        totals = totals_of(self._daemons)
        facts = Facts(
            broker=predictor.fault,
            blocked=predictor.blocked or any(each.blocked for each in self._daemons),
            redis=self._redis,
            sighted=now >= self._blind_until,
            queues=queues,
            listeners={name: predictor.workers(name) for name in predictor.identities},
            revisions={
                name: identity.model.revision for name, identity in predictor.identities.items()
            },
            daemons=alive,
            workers=reporting,
            lost=[daemon for daemon, _ in self._lost.values()],
            events=totals.rates.events if totals.rates else 0.0,
            consuming=self._consuming,
            further=self._further,
        )
        parts = health.parts(facts)
        whole = health.overall(parts)
        return Status(
            at=time.time(),
            version=RELEASE,
            state=whole.state,
            ready=all(part.state in {"healthy", "degraded"} for part in parts.values()),
            headline=whole.headline,
            advice=whole.advice,
            parts=parts,
            models={
                name: ModelStatus(
                    name=identity.model.name,
                    revision=identity.model.revision,
                    workers=facts.listeners[name],
                )
                for name, identity in predictor.identities.items()
            },
            **vars(totals),
            tones=tones_of(self._hours),
            queues=queues,
            daemons=[*alive, *facts.lost],
            workers=reporting,
            incidents=incidents_of([*self._daemons, *self._workers], LEDGER.recent()),
        )

    def _note_losses(self, now: float) -> None:
        alive = self._alive(now)
        reporting = {each.instance for each in self._daemons}
        if not self._redis:
            for instance, last in self._last.items():
                if instance not in reporting:
                    _log.warning("daemon_lost", pid=last.pid, host=last.host)
                    self._lost[instance] = (last, now - last.silent)
            self._last = {each.instance: each for each in alive}
        # one that was started again in its place makes up for it
        fresh = [each for each in alive if not each.lost]
        for instance, (daemon, since) in list(self._lost.items()):
            gone = replace(daemon, silent=now - since, lost=True)
            self._lost[instance] = (gone, since)
            heir = next((each for each in fresh if _replaces(each, gone)), None)
            if heir:
                fresh.remove(heir)
            if heir or instance in reporting or gone.silent > _LOST_SECONDS:
                del self._lost[instance]

    def measure(self) -> None:
        """Set the gauges; what cannot be known now has no value, rather than its last one."""
        now = time.monotonic()
        registry, predictor = self._predictor.registry, self._predictor
        backlogs = {} if predictor.ailment() else predictor.backlogs
        registry.replace(
            metrics.QUEUES, {(name,): each.messages for name, each in backlogs.items()}
        )
        daemons = sum(not each.lost for each in self._alive(now))
        sighted = not self._redis and self._blind_until <= now <= self._sighted_until
        registry.replace(metrics.DAEMONS, {(): daemons} if sighted else {})
        registry.set(metrics.CONNECTED, to=float(not predictor.fault))
        registry.set(metrics.REDIS_OPEN, to=float(bool(self._redis)))
        LEDGER.count_in(registry)


def _replaces(heir: Daemon, lost: Daemon) -> bool:
    return heir.host == lost.host and heir.since > time.time() - lost.silent
