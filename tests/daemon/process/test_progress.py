"""What feeds the watchdog, and what does not."""

from __future__ import annotations

from daemon.process.watchdog import ProgressMonitor


def test_who_owes_nothing_may_rest_for_ever() -> None:
    monitor = ProgressMonitor(patience=10)
    assert all(monitor.well(now, owed=False, done=5, excused=False) for now in range(0, 1000, 7))


def test_who_owes_and_does_nothing_is_not_well_once_patience_ends() -> None:
    monitor = ProgressMonitor(patience=10)
    looks = [
        monitor.well(now, owed=True, done=5, excused=False) for now in (0.0, 10.0, 10.1, 500.0)
    ]
    assert looks == [True, True, False, False]


def test_any_progress_restarts_the_patience() -> None:
    monitor = ProgressMonitor(patience=10)
    assert monitor.well(0, owed=True, done=5, excused=False)
    assert monitor.well(9, owed=True, done=6, excused=False)
    assert monitor.well(18, owed=True, done=6, excused=False)
    assert not monitor.well(20, owed=True, done=6, excused=False)


def test_the_time_of_an_excuse_is_not_held_against_anyone() -> None:
    monitor = ProgressMonitor(patience=10)
    assert monitor.well(0, owed=True, done=5, excused=False)
    assert all(monitor.well(now, owed=True, done=5, excused=True) for now in (8, 100, 200))
    assert monitor.well(209, owed=True, done=5, excused=False)
    assert not monitor.well(211, owed=True, done=5, excused=False)


def test_who_stood_still_and_goes_on_is_well_again() -> None:
    monitor = ProgressMonitor(patience=10)
    assert monitor.well(0, owed=True, done=5, excused=False)
    assert not monitor.well(50, owed=True, done=5, excused=False)
    assert monitor.well(51, owed=True, done=6, excused=False)


def test_the_patience_begins_when_something_is_first_owed() -> None:
    monitor = ProgressMonitor(patience=10)
    assert monitor.well(0, owed=False, done=5, excused=False)
    assert monitor.well(500, owed=False, done=5, excused=False)
    assert monitor.well(509, owed=True, done=5, excused=False)
    assert not monitor.well(511, owed=True, done=5, excused=False)
