"""What feeds the watchdog, and what starves it."""

from __future__ import annotations

from daemon.process.vigil import Vigil


def test_who_owes_nothing_may_rest_for_ever() -> None:
    vigil = Vigil(patience=10)
    assert all(vigil.well(now, owed=False, done=5, excused=False) for now in range(0, 1000, 7))


def test_who_owes_and_does_nothing_is_not_well_once_patience_ends() -> None:
    vigil = Vigil(patience=10)
    looks = [vigil.well(now, owed=True, done=5, excused=False) for now in (0.0, 10.0, 10.1, 500.0)]
    assert looks == [True, True, False, False]


def test_any_progress_starts_the_patience_anew() -> None:
    vigil = Vigil(patience=10)
    assert vigil.well(0, owed=True, done=5, excused=False)
    assert vigil.well(9, owed=True, done=6, excused=False)
    assert vigil.well(18, owed=True, done=6, excused=False)
    assert not vigil.well(20, owed=True, done=6, excused=False)


def test_the_time_of_an_excuse_is_not_held_against_anyone() -> None:
    vigil = Vigil(patience=10)
    assert vigil.well(0, owed=True, done=5, excused=False)
    assert all(vigil.well(now, owed=True, done=5, excused=True) for now in (8, 100, 200))
    assert vigil.well(209, owed=True, done=5, excused=False)
    assert not vigil.well(211, owed=True, done=5, excused=False)


def test_who_stood_still_and_goes_on_is_well_again() -> None:
    vigil = Vigil(patience=10)
    assert vigil.well(0, owed=True, done=5, excused=False)
    assert not vigil.well(50, owed=True, done=5, excused=False)
    assert vigil.well(51, owed=True, done=6, excused=False)


def test_the_patience_begins_when_something_is_first_owed() -> None:
    vigil = Vigil(patience=10)
    assert vigil.well(0, owed=False, done=5, excused=False)
    assert vigil.well(500, owed=False, done=5, excused=False)
    assert vigil.well(509, owed=True, done=5, excused=False)
    assert not vigil.well(511, owed=True, done=5, excused=False)
