"""What the supervisor receives, datagram by datagram."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from daemon.process.systemd import Supervisor
from tests.supervisors import listener
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("abstract", [False, True])
def test_the_supervisor_hears_at_paths_and_abstract_addresses(
    tmp_path: Path, *, abstract: bool
) -> None:
    with listener(tmp_path, abstract=abstract) as systemd:
        Supervisor({"NOTIFY_SOCKET": systemd.address}).ready("consuming")
        assert systemd.listen(1) == ["READY=1", "STATUS=consuming"]


def test_without_a_supervisor_nothing_happens() -> None:
    nobody = Supervisor({})
    assert not nobody
    nobody.ready("x")
    nobody.feed()
    nobody.stopping(3, "x")


def test_a_supervisor_that_is_gone_disturbs_nobody(tmp_path: Path) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready("x")


def test_a_reload_carries_the_monotonic_time(tmp_path: Path) -> None:
    with listener(tmp_path) as systemd:
        before = time.monotonic_ns() // 1000
        ours = Supervisor({"NOTIFY_SOCKET": systemd.address})
        ours.reloading()
        assert not systemd.listen(0.1), "who was never ready does not reload"
        ours.ready("")
        ours.reloading()
        first, second = systemd.listen(1)[2:]
        assert first == "RELOADING=1"
        assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= before + 10_000_000


def test_the_end_asks_for_the_time_that_it_needs(tmp_path: Path) -> None:
    with listener(tmp_path) as systemd:
        Supervisor({"NOTIFY_SOCKET": systemd.address}).stopping(30, "draining")
        assert systemd.listen(1) == [
            "STOPPING=1",
            "EXTEND_TIMEOUT_USEC=30000000",
            "STATUS=draining",
        ]


def test_a_watchdog_is_fed_only_where_it_is_ours(tmp_path: Path) -> None:
    with listener(tmp_path) as systemd:
        socket = {"NOTIFY_SOCKET": systemd.address}
        Supervisor(socket).feed()
        Supervisor({**socket, "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}).feed()
        assert not systemd.listen(0.2)
        ours = Supervisor({**socket, "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())})
        assert ours.watchdog_seconds == 5
        ours.feed()
        assert systemd.listen(1) == ["WATCHDOG=1"]


def test_a_process_that_is_not_fed_in_time_is_known_without_any_supervisor() -> None:
    patient = Supervisor({})
    assert patient.fed_in_time
    hasty = Supervisor({"WATCHDOG_USEC": "1000"})
    until(lambda: not hasty.fed_in_time)
    hasty.feed()
    assert patient.fed_in_time


def test_a_status_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    with listener(tmp_path) as systemd:
        Supervisor({"NOTIFY_SOCKET": systemd.address}).status("a\nREADY=1\n" + "x" * 9000)
        [line] = systemd.listen(1)
        assert line.startswith("STATUS=a READY=1 xxx")
        assert len(line) < 500


def test_a_step_of_the_start_that_takes_longer_than_it_may_is_known(tmp_path: Path) -> None:
    with listener(tmp_path) as systemd:
        ours = Supervisor({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "1000"})
        ours.starting(600, "loading")
        assert systemd.listen(1) == ["EXTEND_TIMEOUT_USEC=600000000", "STATUS=loading"]
        assert ours.fed_in_time, "longer than the watchdog's patience"
        ours.starting(0.001, "loading")
        until(lambda: not ours.fed_in_time)


def test_a_process_can_work_from_ready_to_stopping() -> None:
    ours = Supervisor({})
    steps = [
        partial(ours.starting, 10, "loading"),
        partial(ours.ready, "consuming"),
        partial(ours.stopping, 1, "stopping"),
    ]
    could = []
    for step in steps:
        step()
        could.append(ours.can_work)
    assert could == [False, True, False]
