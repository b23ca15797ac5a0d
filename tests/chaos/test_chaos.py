"""The short form: some three thousand messages, ten faults in the middle of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.run import run
from tests.chaos.servers import servers_or_skip
from tests.chaos.traffic import traffic

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.broker, pytest.mark.chaos]

MESSAGES, FAULTS, SEED = 3000, 10, 1


def test_nothing_is_lost_whatever_is_killed_stopped_or_cut(tmp_path: Path) -> None:
    with servers_or_skip():
        report = run(tmp_path, messages=MESSAGES, faults=FAULTS, seed=SEED, rate=100.0)
    print(report)
    account = report.account
    assert not account.lost
    assert not account.unexpected
    assert not account.mispaired
    assert not account.forked
    assert account.parked == len({each.key for each in traffic(SEED, MESSAGES) if each.code})
    assert report.sound
