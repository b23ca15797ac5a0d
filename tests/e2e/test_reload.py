"""A daemon that is told to read its settings anew: nothing is left of the one before."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import until

if TYPE_CHECKING:
    from tests.e2e.stage import Stage
    from tests.processes import Process

_RELOADS = 4


def descriptors(process: Process) -> Counter[str]:
    """The kinds of a process's open file descriptors, and how many of each."""
    kinds: Counter[str] = Counter()
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            kinds[str(entry.readlink()).partition(":")[0]] += 1
        except FileNotFoundError:
            continue
    return kinds


def reload(process: Process, times: int) -> None:
    """Have it read its settings again, and wait until it consumes under them."""
    os.kill(process.pid, signal.SIGHUP)
    process.wait_for("daemon_ready", count=times + 1)


def test_reloads_leave_no_file_descriptor_behind(stage: Stage) -> None:
    daemon = stage.start("daemon")
    # one to RabbitMQ, one to Redis: it reports there once a second
    until(lambda: descriptors(daemon)["socket"] == 2)
    before = descriptors(daemon)
    for n in range(1, _RELOADS + 1):
        reload(daemon, n)
        until(lambda: descriptors(daemon)["socket"] >= 2)
    until(lambda: descriptors(daemon) == before, timeout=10)
    assert daemon.stop() == 0


WRONG = {
    '[redis]\nurl = "redis://:s3cret-canary@there:no-port"': "redis.url",
    '[broker]\nca_file = "/no/such/file"': "broker.ca_file",
    "[daemon]\nscore_timeout = inf": "daemon.score_timeout",
    "[daemon]\nmemory_ceiling = 1": "daemon.memory_ceiling",
    "[[models]]\nname = 'second'\nsource = '/no/such/model'": "'second'",
    "[[connectors]]\nname = 'other'\nexchange = 'no-such'\npassive = true": "no-such",
    "[broker": "tonebus.toml",
}


def test_wrong_settings_are_refused_at_a_reload_and_the_work_goes_on(stage: Stage) -> None:
    # what stands in the environment would win over the file
    daemon = stage.start("daemon", TONEBUS_REDIS_URL="", TONEBUS_REDIS_TIMEOUT="")
    stage.watch()
    stage.start("worker")
    file = Path(stage.env["TONEBUS_CONFIG"])
    right = file.read_text(encoding="utf-8")
    until(lambda: descriptors(daemon)["socket"] == 2)
    before = descriptors(daemon)
    for number, (wrong, named) in enumerate(WRONG.items(), 1):
        file.write_text(f"{right}\n{wrong}\n", encoding="utf-8")
        os.kill(daemon.pid, signal.SIGHUP)
        assert named in daemon.wait_for("reload_refused", count=number)["error"]
    until(lambda: descriptors(daemon) == before)
    assert not daemon.events("settings_reloaded")
    assert "s3cret" not in daemon.log.read_text(encoding="utf-8")
    stage.publish([("m-1", "good")])
    stage.subjects({"m-1"})
    file.write_text(right, encoding="utf-8")
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.wait_for("settings_reloaded")
    stage.publish([("m-2", "bad")])
    stage.subjects({"m-2"})


def test_a_reload_says_which_process_wants_a_restart_for_what(stage: Stage) -> None:
    daemon = stage.start("daemon")
    reload(daemon, 1)
    assert not [name for name in daemon.wait_for("settings_reloaded") if "restart" in name]
    file = Path(stage.env["TONEBUS_CONFIG"])
    more = "\n[log]\nlevel = 'debug'\n[daemon]\nscore_timeout = 20\nparked_window = 7\n"
    file.write_text(file.read_text(encoding="utf-8") + more, encoding="utf-8")
    for number in (2, 3):
        # the second time too: it is still not restarted
        reload(daemon, number)
        told = daemon.wait_for("settings_reloaded", count=number)
        assert told["restart_daemon_for"] == ["log.level"]
        assert told["restart_worker_for"] == ["daemon.score_timeout", "log.level"]
        assert told["restart_api_for"] == ["daemon.score_timeout", "log.level"]
