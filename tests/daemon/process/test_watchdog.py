"""What a daemon reports to its supervisor, and when it stops feeding the watchdog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import Unavailable
from daemon.process.systemd import Supervisor
from daemon.process.watchdog import Watchdog, status
from daemon.settings import DaemonSettings
from daemon.status.snapshot import DaemonSnapshot, Incident, Rates
from tests.snapshots import daemon
from tests.supervisors import Listener, listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SETTINGS = DaemonSettings(score_timeout=10, confirm_timeout=5)
LONG = 31.0
"""Longer than three of the longest deadlines."""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Listener]:
    with listener(tmp_path) as ear:
        yield ear


@pytest.fixture
def watch(systemd: Listener) -> Watchdog:
    return Watchdog(
        Supervisor({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "5000000"}), SETTINGS
    )


def snapshot(**fields: Any) -> DaemonSnapshot:
    quiet = {"waiting": 0, "unconfirmed": 0, "parked": {}, "workers": {"default": 1}}
    return daemon(**{"in_flight": 7, **quiet, **fields})


def fed(
    watch: Watchdog, systemd: Listener, *looks: tuple[float, DaemonSnapshot, int]
) -> list[bool]:
    """For each look (when, how it stands, what is done) whether the watchdog was fed."""
    meals = []
    for now, told, done in looks:
        systemd.heard.clear()
        watch.look(now, told, done=done)
        meals.append("WATCHDOG=1" in systemd.listen(0.05))
    return meals


def test_progress_feeds_and_standing_still_does_not(watch: Watchdog, systemd: Listener) -> None:
    looks = [
        (0.0, snapshot(), 1),
        (LONG, snapshot(), 2),
        (LONG + 5, snapshot(), 2),
        (3 * LONG, snapshot(), 2),
    ]
    assert fed(watch, systemd, *looks) == [True, True, True, False]


@pytest.mark.parametrize(
    "honest",
    [
        snapshot(in_flight=0),
        snapshot(state="paused"),
        snapshot(blocked=True),
        snapshot(waiting=7, workers={"default": 0}),
    ],
    ids=["idle", "everything-bad", "broker-short-of-memory", "no-workers"],
)
def test_an_honest_reason_feeds_for_ever(
    watch: Watchdog, systemd: Listener, honest: DaemonSnapshot
) -> None:
    assert fed(watch, systemd, *((now * LONG, honest, 1) for now in range(4))) == [True] * 4


def test_a_lack_of_workers_excuses_nothing_that_needs_none(
    watch: Watchdog, systemd: Listener
) -> None:
    unconfirmed = snapshot(waiting=0, unconfirmed=7, workers={"default": 0})
    assert fed(watch, systemd, (0.0, unconfirmed, 1), (LONG, unconfirmed, 1)) == [True, False]


def test_a_broker_that_refuses_feeds_and_one_that_hangs_does_not(
    watch: Watchdog, systemd: Listener
) -> None:
    connecting = snapshot(state="connecting", in_flight=0)
    down = Unavailable("refused")
    down.__cause__ = ConnectionRefusedError()
    watch.missed(down)
    assert fed(watch, systemd, (0.0, connecting, 1), (LONG, connecting, 1)) == [True, True]
    hung = Unavailable("timed out")
    hung.__cause__ = TimeoutError()
    watch.missed(hung)
    assert fed(watch, systemd, (LONG + 1, connecting, 1), (3 * LONG, connecting, 1)) == [
        True,
        False,
    ]


def test_the_status_says_rate_flight_and_incident() -> None:
    incident = Incident(code="x", words="Redis did not serve", fix="", first=0, last=2**40)
    line = status(snapshot(rates=Rates(events=38.4), parked={"poison": 2}, incidents=[incident]))
    assert line == (
        "38 events/s, 7 in flight; 2 parked; last incident just now: Redis did not serve"
    )
    assert "no worker for default" in status(snapshot(workers={"default": 0}))


def test_the_end_asks_for_longer_than_draining_takes(watch: Watchdog, systemd: Listener) -> None:
    watch.draining(3, 20)
    assert systemd.listen(0.2)[:2] == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=30000000"]
