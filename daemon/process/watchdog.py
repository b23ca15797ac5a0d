"""A daemon's word to its supervisor: that it is ready, how it goes, and that it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from daemon.process.systemd import Supervisor
    from daemon.settings import DaemonSettings
    from daemon.status.snapshot import DaemonSnapshot, Incident

_DEADLINES = 3
"""A text that hangs costs two deadlines until it is parked; standing still lasts longer."""

_RECENT_SECONDS = 600.0
_log = structlog.get_logger(__name__)


class ProgressMonitor:
    """Tells a process that hangs from one that has nothing to do.

    Pure: the clock is passed in. Three states are fine: no work is owed, work was done recently, or
    the process waits for something that is known to be away (no worker, a broker that refuses
    connections or is out of memory, a pause after everything was parked). A restart fixes none of
    these. Otherwise work is owed and none is done, without a reason: a broker that neither works
    nor fails, a reply that is never counted, a bug of our own. Then a restart gives every delivery
    back, and loses nothing.
    """

    def __init__(self, patience: float) -> None:
        """Take the seconds without progress that are still fine.

        They are longer than any deadline after which the process helps itself.
        """
        self._patience = patience
        self._done = -1
        self._since: float | None = None

    def well(self, now: float, *, owed: bool, done: int, excused: bool) -> bool:
        """Look again, at so many monotonic seconds, and say whether all is well.

        Args:
            now: Monotonic seconds.
            owed: Whether anybody waits for us.
            done: How much was ever done; any change is progress.
            excused: Whether the process waits for something that is known to be away.
        """
        if done != self._done or not owed or excused or self._since is None:
            self._done = done
            self._since = now
        return now - self._since <= self._patience


class Watchdog:
    """Feeds the watchdog while there is progress, or a good reason for none.

    A broker that refuses us or is out of memory, and a lack of workers, are such reasons: a new
    start would fix nothing. A broker that takes connections and never answers is none.
    """

    def __init__(self, supervisor: Supervisor, settings: DaemonSettings) -> None:
        self._supervisor = supervisor
        self._monitor = ProgressMonitor(
            _DEADLINES * max(settings.score_timeout, settings.confirm_timeout)
        )
        self._mute = False
        self._well = True

    def connected(self) -> None:
        self._mute = False
        self._supervisor.ready("consuming")

    def missed(self, error: BaseException | None) -> None:
        self._supervisor.can_work = False
        self._mute = bool(error and isinstance(error.__cause__, TimeoutError))

    def draining(self, in_flight: int, seconds: float) -> None:
        self._supervisor.stopping(seconds + 10, f"stopping; {in_flight} deliveries to finish")

    def look(self, now: float, snapshot: DaemonSnapshot, done: float) -> None:
        """Report the state of the process, and feed the watchdog if all is well."""
        if snapshot.state != "draining":
            self._supervisor.status(status(snapshot))
        well = self._monitor.well(
            now,
            owed=bool(snapshot.in_flight) or snapshot.state == "connecting",
            done=int(done),
            excused=self._excused(snapshot),
        )
        if well:
            self._supervisor.feed()
        elif self._well:
            _log.error(
                "progress_missed", state=snapshot.state, in_flight=snapshot.in_flight,
                waiting=snapshot.waiting, unconfirmed=snapshot.unconfirmed,
                fix="the watchdog, if there is one, restarts this daemon; nothing is lost",
            )  # fmt: skip
        self._well = well

    def _excused(self, snapshot: DaemonSnapshot) -> bool:
        if snapshot.state == "connecting":
            return not self._mute
        workerless = bool(snapshot.waiting) and not all(snapshot.workers.values())
        return snapshot.state == "paused" or snapshot.blocked or workerless


def status(snapshot: DaemonSnapshot) -> str:
    """Return how a daemon is, in one line for a person."""
    connecting = ["connecting to RabbitMQ"] if snapshot.state == "connecting" else []
    parts = connecting or [
        f"{snapshot.rates.events:.0f} events/s, {snapshot.in_flight} in flight",
        *(f"{connector} paused: {reason}" for connector, reason in snapshot.pauses.items()),
        *(f"no worker for {model}" for model, count in snapshot.workers.items() if not count),
        *(["RabbitMQ asks publishers to wait"] if snapshot.blocked else []),
    ]
    if parked := sum(snapshot.parked.values()):
        parts.append(f"{parked} parked")
    return "; ".join([*parts, *last_incident(snapshot.incidents)])


def last_incident(faults: list[Incident]) -> list[str]:
    """Return the newest incident as a part of a status line; nothing where all was well lately."""
    if not faults or (age := time.time() - faults[0].last) > _RECENT_SECONDS:
        return []
    when = f"{age / 60:.0f} min ago" if age >= 60 else "just now"  # noqa: PLR2004 - a minute
    return [f"last incident {when}: {faults[0].words}"]
