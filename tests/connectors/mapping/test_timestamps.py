"""A time is a time, whatever the publisher counts in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mapping import seconds_of, written
from connectors.messages import Text
from tests.messages import delivery

WHEN = 1_700_000_000
TIMES: list[Any] = [
    WHEN, float(WHEN), WHEN * 1000, WHEN * 10**6, WHEN * 10**9, str(WHEN), f" {WHEN}.0 ",
    str(WHEN * 1000), "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000+00:00", "20231114T221320Z",
    "2023-11-15T00:13:20+02:00", "2023-11-14 22:13:20", "2023-11-14 22:13:20 UTC",
    "Tue, 14 Nov 2023 22:13:20 +0000",
    datetime.fromtimestamp(WHEN, UTC), datetime(2023, 11, 14, 22, 13, 20),  # noqa: DTZ001 - as py-amqp gives it
    datetime(2023, 11, 14, 23, 13, 20, tzinfo=timezone(timedelta(hours=1))),
]  # fmt: skip


@pytest.mark.parametrize("value", TIMES, ids=repr)
def test_seconds_milliseconds_and_iso_are_one_time(value: object) -> None:
    assert seconds_of(value) == WHEN


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, float("nan"), float("inf"), 10**30, -(10**30), "", "soon", "nan",
        "inf", "1e999", "0", "2023-13-45", "x" * 1000, [], {}, b"1700000000",
        10**400,
    ],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_what_is_no_time_has_no_seconds(value: object) -> None:
    assert seconds_of(value) is None


@given(st.text(max_size=70) | st.integers() | st.floats() | st.datetimes() | st.dates())
def test_whatever_comes_is_a_time_between_1970_and_5138_or_none(value: object) -> None:
    found = seconds_of(value)
    assert found is None or 0 < found < 1e12


def test_the_document_knows_better_than_the_publisher() -> None:
    message = delivery(b"{}", timestamp=WHEN * 1000)
    assert written(None, message) == WHEN
    assert written(Text("good"), message) == WHEN
    assert written(Text("good", written=1.0), message) == 1.0
    assert written(Text("good"), delivery(b"{}")) is None
