"""Tonebus under a real systemd: started, killed, stopped, hung, misled, and always back."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from connectors.amqp import topology
from tests import models
from tests.chaos import wicked_worker
from tests.hostile.bus import Bus
from tests.systemd.installing import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.systemd.machine import Machine
    from tests.traffic import Traffic

UNITS = ("tonebus-daemon@1", "tonebus-worker@1", "tonebus-api")
DAEMON, WORKER, _ = UNITS
PATIENCE = 120
# The same worker, but that a marked text makes it allocate without end.
WICKED = """[Service]
MemoryMax=1G
Environment=PYTHONPATH=/opt/trial
ExecStart=
ExecStart=/opt/tonebus/bin/python -m tests.chaos.wicked_worker
"""


def is_ready(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as reply:
        return bool(json.load(reply)["ready"])


def test_one_target_starts_everything_and_it_works(
    target: Machine, traffic: Traffic, api_port: int
) -> None:
    assert target.systemctl("is-enabled", *(f"{unit}.service" for unit in UNITS)).split() == [
        "enabled"
    ] * len(UNITS)
    traffic.await_outcomes(traffic.publish(20))
    target.until(lambda: is_ready(api_port), timeout=30)


def test_each_unit_tells_a_person_how_it_is(target: Machine, traffic: Traffic) -> None:
    traffic.await_outcomes(traffic.publish(5))
    target.until(lambda: "in flight" in target.show(DAEMON, "StatusText"), timeout=10)
    target.until(lambda: "texts so far" in target.show(UNITS[1], "StatusText"), timeout=10)
    target.until(lambda: "answering on" in target.show(UNITS[2], "StatusText"), timeout=10)


def test_the_journal_can_be_searched_by_priority_and_by_fact(target: Machine) -> None:
    [ready] = target.journal(DAEMON, "TONEBUS_EVENT=daemon_ready")
    assert ready["PRIORITY"] == "6"
    assert ready["_SYSTEMD_UNIT"] == f"{DAEMON}.service"
    assert len(ready["MESSAGE_ID"]) == 32
    assert not [fact for fact in target.journal(DAEMON, "-p", "err") if "TONEBUS_EVENT" in fact]


@pytest.mark.parametrize("unit", UNITS)
def test_a_killed_unit_comes_back_and_nothing_is_lost(
    target: Machine, traffic: Traffic, unit: str
) -> None:
    old = target.main_pid(unit)
    ids = traffic.publish(150)
    target.systemctl("kill", "-s", "KILL", unit)
    ids += traffic.publish(50)
    target.await_new_process(unit, old)
    traffic.await_outcomes(ids)


@pytest.mark.parametrize("unit", UNITS)
def test_the_watchdog_ends_a_process_that_hangs(
    target: Machine, traffic: Traffic, unit: str
) -> None:
    old = target.main_pid(unit)
    target.run("kill", "-STOP", old)
    ids = traffic.publish(50)
    target.await_new_process(unit, old)
    assert any("Watchdog timeout" in fact["MESSAGE"] for fact in target.journal(unit))
    traffic.await_outcomes(ids)


def test_a_stop_under_load_drains_ends_well_and_loses_nothing(
    target: Machine, traffic: Traffic
) -> None:
    ids = traffic.publish(400)
    target.systemctl("stop", DAEMON)
    assert target.show(DAEMON, "Result") == "success"
    assert target.show(DAEMON, "ExecMainStatus") == "0"
    assert target.journal(DAEMON, "TONEBUS_EVENT=drain_finished")
    target.systemctl("start", DAEMON)
    traffic.await_outcomes(ids)


def test_a_reload_takes_good_settings_and_refuses_bad_ones(
    target: Machine, traffic: Traffic, settings: str
) -> None:
    old = target.main_pid(DAEMON)
    target.write("/etc/tonebus/tonebus.toml", "[broker]\nprefetch = -1\n", 0o640)
    target.systemctl("reload", DAEMON)
    target.until(lambda: target.journal(DAEMON, "TONEBUS_EVENT=reload_refused"), timeout=20)
    target.await_state(DAEMON, "active")
    traffic.await_outcomes(traffic.publish(5))

    target.write("/etc/tonebus/tonebus.toml", settings + "\n[broker]\nprefetch = 7\n", 0o640)
    target.systemctl("reload", DAEMON)
    target.until(lambda: target.journal(DAEMON, "TONEBUS_EVENT=settings_reloaded"), timeout=40)
    target.await_state(DAEMON, "active")
    traffic.await_outcomes(traffic.publish(5))
    assert target.main_pid(DAEMON) == old


def test_a_wrong_password_is_shown_and_tried_again_at_leisure(
    target: Machine, traffic: Traffic, own_rooms: tuple[str, str]
) -> None:
    url = own_rooms[0]
    target.write(
        "/etc/tonebus/credentials/broker/url", url.replace("guest:guest", "guest:wrong"), 0o600
    )
    before = int(target.show(DAEMON, "NRestarts"))
    target.systemctl("restart", "--no-block", DAEMON)
    target.until(lambda: "wrong settings" in target.show(DAEMON, "StatusText"), timeout=40)
    assert "check the user, password" in target.show(DAEMON, "StatusText")
    assert "wrong@" not in target.run("journalctl", "--no-pager", "-u", DAEMON)
    time.sleep(5)
    assert int(target.show(DAEMON, "NRestarts")) - before <= 1
    target.write("/etc/tonebus/credentials/broker/url", url, 0o600)
    target.systemctl("restart", DAEMON)
    traffic.await_outcomes(traffic.publish(5))


@pytest.fixture
def wicked(target: Machine) -> Iterator[Machine]:
    """The machine, its worker replaced."""
    if not target.limits_memory():
        pytest.skip("no memory controller is to be had here")
    shutil.copytree(ROOT / "tests", target.root / "opt/trial/tests", dirs_exist_ok=True)
    target.run("chmod", "-R", "a+rX", "/opt/trial")
    place = "etc/systemd/system/tonebus-worker@.service.d"
    target.write(f"{place}/wicked.conf", WICKED)
    target.systemctl("daemon-reload")
    target.systemctl("restart", WORKER)
    yield target
    shutil.rmtree(target.root / place)
    target.systemctl("daemon-reload")


# The last, since it leaves its own worker running.
def test_a_worker_beyond_its_memory_is_started_again_and_the_text_parked(
    wicked: Machine, own_rooms: tuple[str, str]
) -> None:
    restarts = int(wicked.show(WORKER, "NRestarts"))
    bus = Bus(own_rooms[0])
    try:
        # another worker would score the text, and live
        bus.await_consumers(topology.scoring_queue(models.NAME).name, 1)
        guilty = bus.say(wicked_worker.ALLOCATE, id="guilty")
        innocent = bus.say("good number 1", id="innocent")
        headers, _ = bus.parked(guilty, timeout=PATIENCE)
        assert headers["tonebus-code"] == "poison"
        assert bus.event(innocent, timeout=PATIENCE)["data"]["tone"] != "none"
    finally:
        bus.close()
    wicked.until(lambda: int(wicked.show(WORKER, "NRestarts")) >= restarts + 2)
    wicked.await_state(WORKER, "active")
    ends = [fact["MESSAGE"] for fact in wicked.journal(WORKER)]
    assert any("status=9/KILL" in said or "oom-kill" in said for said in ends)
