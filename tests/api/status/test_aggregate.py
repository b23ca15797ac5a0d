"""Many processes make one picture."""

from __future__ import annotations

import os

import pytest

from api.status.aggregate import incidents_of, tones_of, totals_of
from daemon.status.process import ProcessIdentity
from daemon.status.snapshot import HourSnapshot, Incident, Minute
from daemon.telemetry.metrics import SECONDS
from tests.snapshots import daemon


def fault(words: str, count: int, last: float) -> Incident:
    return Incident(code="c", words=words, fix="Do it.", first=1, last=last, count=count)


def test_numbers_of_daemons_add_up() -> None:
    latency = [0] * (len(SECONDS) + 1)
    latency[3] = 10
    found = totals_of([daemon(1, latency=latency), daemon(2, parked={"json": 1, "poison": 5})])
    assert found.rates is not None
    assert found.rates.events == 4
    assert (found.in_flight, found.waiting, found.unconfirmed, found.duplicates) == (6, 4, 2, 2)
    assert found.cache_share == pytest.approx(0.25)
    assert found.parked == {"poison": 5, "json": 2}
    assert found.latency is not None
    assert SECONDS[2] < found.latency.p50 < found.latency.p99 <= SECONDS[3]
    assert (found.shadow["next"].same, found.shadow["next"].of) == (6, 8)


def test_languages_add_up_the_most_frequent_first() -> None:
    found = totals_of([
        daemon(1, languages={"en": 2, "ja": 3}, unread=3), daemon(2, languages={"en": 5}),
    ])  # fmt: skip
    assert list(found.languages.items()) == [("en", 7), ("ja", 3)]
    assert found.unread == 3


def test_where_nobody_reports_numbers_are_none_and_not_zero() -> None:
    found = totals_of([])
    assert (found.rates, found.latency, found.cache_share, found.in_flight) == (None,) * 4


def test_the_hours_of_all_daemons_are_one_hour() -> None:
    hours = [
        HourSnapshot(minutes=[Minute(60, {"positive": 1}), Minute(120, {"positive": 1})]),
        HourSnapshot(minutes=[Minute(120, {"negative": 2, "positive": 1})]),
    ]
    assert [(each.start, each.tones) for each in tones_of(hours)] == [
        (60, {"positive": 1}),
        (120, {"positive": 2, "negative": 2}),
    ]


def test_a_process_of_our_own_number_is_another_one_unless_it_is_us() -> None:
    stranger = daemon(os.getpid(), incidents=[fault("a", 1, 10)])
    assert stranger.pid == os.getpid()
    ours = daemon(**ProcessIdentity("daemon").now(), incidents=[fault("b", 1, 20)])
    [found] = incidents_of([stranger, ours], [])
    assert (found.words, found.who) == ("a", f"daemon {os.getpid()} on h")


def test_equal_incidents_of_several_processes_are_one() -> None:
    daemons = [daemon(1, incidents=[fault("a", 2, 10)]), daemon(2, incidents=[fault("a", 3, 20)])]
    [one, other] = incidents_of(daemons, [fault("b", 1, 5)])
    assert (one.words, one.count, one.first, one.last) == ("a", 5, 1, 20)
    assert one.who == "2 processes"
    assert (other.words, other.who) == ("b", "the API")
