"""The last incidents of a process in plain words, gathered from what its log says anyway.

The ledger is one for the process, as the log is: an incident is logged where it happens and is
known here by the event's name, so that the page and the log never disagree.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from daemon.status.catalogue import CATALOGUE
from daemon.status.snapshot import Incident
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from daemon.telemetry.registry import Registry

_KEPT = 12
_MAX_FIELD_CHARS = 120


class Ledger:
    """The last incidents, equal ones as one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._incidents: OrderedDict[tuple[str, str], Incident] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def record(self, code: str, fields: MutableMapping[str, object]) -> None:
        """Take in an event of the log; one that is no incident is passed over."""
        entry = CATALOGUE.get(code)
        if entry is None:
            return
        shown: dict[str, str] = defaultdict(lambda: "?")
        shown |= {name: str(value)[:_MAX_FIELD_CHARS] for name, value in fields.items()}
        words, now = entry.words.format_map(shown), time.time()
        key = (code, words)
        with self._lock:
            self._counts[code] += 1
            if known := self._incidents.pop(key, None):
                self._incidents[key] = replace(known, last=now, count=known.count + 1)
            else:
                fix = entry.fix.format_map(shown)
                self._incidents[key] = Incident(
                    code=code, words=words, fix=fix, first=now, last=now
                )
            while len(self._incidents) > _KEPT:
                self._incidents.popitem(last=False)

    def count_in(self, registry: Registry) -> None:
        with self._lock:
            counts = dict(self._counts)  # other threads go on
        for code, count in counts.items():
            registry.set(metrics.INCIDENTS, code, to=count)

    def recent(self) -> list[Incident]:
        with self._lock:
            return list(reversed(self._incidents.values()))


LEDGER = Ledger()


def remember(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Pass an event on as it is, and keep it if it is an incident: a processor of structlog's."""
    LEDGER.record(str(event.get("event")), event)
    return event
