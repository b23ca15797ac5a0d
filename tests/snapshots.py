"""Snapshots as daemons write them."""

from __future__ import annotations

from typing import Any

from daemon.status.snapshot import Agreement, DaemonSnapshot, Rates
from daemon.telemetry.metrics import SECONDS


def daemon(pid: int = 7, **changes: Any) -> DaemonSnapshot:
    """What a daemon that does well has to report."""
    fields: dict[str, Any] = {
        "instance": f"d{pid}", "version": "1", "host": "h", "pid": pid, "since": 0, "at": 0,
        "memory": 1, "state": "working", "blocked": False, "rates": Rates(events=2),
        "latency": [0] * (len(SECONDS) + 1), "cached": 1, "recent": 4, "in_flight": 3,
        "waiting": 2, "unconfirmed": 1, "worst_case": 1, "deliveries": 9, "events": 8,
        "duplicates": 1, "workers": {}, "revisions": {}, "parked": {"json": 1}, "skipped": {},
        "redis": "", "incidents": [], "shadow": {"next": Agreement(3, 4)},
    }  # fmt: skip
    return DaemonSnapshot(**(fields | changes))
