"""Bodies and properties that nobody should send."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.hostile.cases import LABELLED, PARKED, Case

if TYPE_CHECKING:
    from tests.hostile.bus import Bus

_BOUND_SECONDS = 30.0
"""Far beyond what a case may need even on a busy machine; within, nothing has hung."""


@pytest.mark.parametrize("case", PARKED, ids=lambda case: case.name)
def test_what_can_never_be_read_is_parked_with_its_reason(bus: Bus, case: Case) -> None:
    begun = time.monotonic()
    with bus.good_neighbours():
        headers, body = bus.parked(bus.send(case.body, **case.properties))
    assert headers["tonebus-code"] == case.code
    assert headers["tonebus-stage"] == "map"
    assert body == case.body
    assert len(str(headers)) < 20_000
    assert time.monotonic() - begun < _BOUND_SECONDS


@pytest.mark.parametrize("case", LABELLED, ids=lambda case: case.name)
def test_what_is_only_odd_is_labelled(bus: Bus, case: Case) -> None:
    begun = time.monotonic()
    with bus.good_neighbours():
        event = bus.event(bus.send(case.body, **case.properties))
    data = event["data"]
    assert case.tone in {"", data["tone"]}
    assert data["truncated"] >= case.truncated
    assert (data["tone"] == "none") == (not data["scores"])
    assert time.monotonic() - begun < _BOUND_SECONDS
