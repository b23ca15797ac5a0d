"""The last faults in plain words, each with what to do; gathered from what the log tells anyway.

The ledger is one for the process, as the log is: a fault is logged where it happens and is known
here by the fact's name, so that the page and the log never disagree.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from daemon.status.snapshot import FaultNote

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_KEPT = 12
_MAX_FIELD_CHARS = 120


class Words(NamedTuple):
    """How a fact of the log is told to an operator; `{…}` are fields of the fact."""

    words: str
    fix: str


CATALOGUE: dict[str, Words] = {
    "bus_lost": Words(
        "The connection to RabbitMQ was lost: {error}",
        "Nothing is lost, and it connects again by itself. If it repeats, see RabbitMQ's log."),
    "bus_unavailable": Words(
        "RabbitMQ could not be reached: {error}",
        "Start RabbitMQ, or correct `TONEBUS_BROKER_URL`; it is tried again by itself."),
    "redis_failed": Words(
        "Redis did not serve: {error}",
        "Start Redis, or correct `TONEBUS_REDIS_URL`. Until then every text is scored anew."),
    "workers_gone": Words(
        "No worker listens for model “{model}”",
        "Start one: `tonebus worker --model {model}`. Messages wait in their queues until then."),
    "everything_parked": Words(
        "Nearly all of the last {of_last} messages were parked, so consuming stopped",
        "See why in the log (message_parked) and mend the connector or the model; then replay "
        "sentiment.parked."),
    "message_parked": Words(
        "Messages of “{connector}” were parked: {code}",
        "See what was wrong: `tonebus parked list --reason {code}`. Mend the cause, then replay."),
    "daemon_lost": Words(
        "The daemon with process id {pid} on {host} fell silent without a goodbye",
        "It was killed, or its host is gone: see its log. Nothing is lost."),
    "publish_refused": Words(
        "RabbitMQ did not take letters for {exchange}",
        "A queue behind the exchange is full or failing: empty or mend it. Nothing is lost."),
    "publishing_blocked": Words(
        "RabbitMQ asked publishers to wait",
        "It is short of memory or disk: free some. Tonebus goes on by itself."),
    "batch_split": Words(
        "A batch failed ({code}) and was split to find the text that is to blame",
        "None needed; if it repeats, see the worker's log."),
    "text_given_up": Words(
        "A text failed alone, twice ({code}), and was parked as poison",
        "See `tonebus parked list --reason poison`, and the worker's log."),
    "batch_failed": Words(
        "The model failed on a batch: {error}",
        "None needed for a single one; if it repeats, see the worker's log."),
    "reply_unreadable": Words(
        "A worker's reply could not be read ({error})",
        "See that daemon and workers are of one release; its texts are asked of another worker."),
    "reload_refused": Words(
        "New settings were refused: {error}",
        "Correct the file and send SIGHUP again; the old settings stay in force."),
    "metrics_not_served": Words(
        "The metrics port {port} could not be opened: {error}",
        "Give each process a port of its own: `TONEBUS_METRICS_PORT`."),
}  # fmt: skip


class Ledger:
    """The last faults, equal ones as one."""

    def __init__(self) -> None:
        """Start without a fault."""
        self._lock = threading.Lock()
        self._notes: OrderedDict[tuple[str, str], FaultNote] = OrderedDict()
        self.counts: Counter[str] = Counter()

    def note(self, code: str, fields: MutableMapping[str, object]) -> None:
        """Take in a fact; one that is no fault is passed over."""
        entry = CATALOGUE.get(code)
        if entry is None:
            return
        shown = _Shown({name: str(value)[:_MAX_FIELD_CHARS] for name, value in fields.items()})
        words, now = entry.words.format_map(shown), time.time()
        key = (code, words)
        with self._lock:
            self.counts[code] += 1
            if known := self._notes.pop(key, None):
                self._notes[key] = msgspec.structs.replace(known, last=now, count=known.count + 1)
            else:
                fix = entry.fix.format_map(shown)
                self._notes[key] = FaultNote(code=code, words=words, fix=fix, first=now, last=now)
            while len(self._notes) > _KEPT:
                self._notes.popitem(last=False)

    def recent(self) -> list[FaultNote]:
        """The last faults, the newest first."""
        with self._lock:
            return list(reversed(self._notes.values()))


class _Shown(dict[str, str]):
    def __missing__(self, _name: str) -> str:
        return "?"


LEDGER = Ledger()


def remember(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Pass a fact on as it is, and keep it if it is a fault: a processor of structlog's."""
    LEDGER.note(str(event.get("event")), event)
    return event
