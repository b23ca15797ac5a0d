"""Rates, shares and minutes come out of totals that only grow."""

from __future__ import annotations

import pytest

from daemon.status.rates import History, quantile

BOUNDS = (0.1, 0.2, 0.4)


def told(history: History, now: float, events: float, **tones: int) -> None:
    history.read(now, now, totals={"events": events}, tones=tones, latency=[int(events), 0])


def test_nothing_read_is_nothing_told() -> None:
    history = History()
    assert history.rate("events") == history.recent("events") == 0
    assert history.recent_latency() == []
    assert history.minutes() == []


def test_a_rate_is_of_the_last_ten_seconds() -> None:
    history = History()
    for second in range(31):
        told(history, second, events=100 if second >= 15 else 0)
    assert history.rate("events") == 0
    told(history, 31, events=150)
    assert history.rate("events") == pytest.approx(5)


def test_what_is_recent_is_of_the_last_minute() -> None:
    history = History()
    for second in range(200):
        told(history, second, events=2 * second)
    assert history.recent("events") == 120
    assert history.recent_latency() == [120, 0]


def test_each_minute_has_its_own_tones() -> None:
    history = History()
    told(history, 60, 1, positive=1)
    told(history, 119, 3, positive=2, negative=1)
    told(history, 120, 4, positive=2, negative=2)
    assert [(minute.start, minute.tones) for minute in history.minutes()] == [
        (60, {"positive": 2, "negative": 1}),
        (120, {"negative": 1}),
    ]


def test_an_hour_is_kept_and_no_more() -> None:
    history = History()
    for minute in range(100):
        told(history, 60 * minute, minute + 1, positive=minute + 1)
    starts = [minute.start for minute in history.minutes()]
    assert starts == [60 * minute for minute in range(40, 100)]


def test_a_quantile_lies_within_its_bucket() -> None:
    assert quantile([0, 0, 0, 0], BOUNDS, 0.5) is None
    assert quantile([10, 0, 0, 0], BOUNDS, 0.5) == pytest.approx(0.05)
    assert quantile([5, 5, 0, 0], BOUNDS, 0.95) == pytest.approx(0.19)
    assert quantile([0, 0, 0, 3], BOUNDS, 0.5) == 0.4
