"""What stands in the unit files, judged by systemd's own tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
UNITS = ROOT / "systemd"
MOST_EXPOSED = {
    "tonebus-api.service": 1.0,
    "tonebus-daemon@.service": 1.5,
    "tonebus-worker@.service": 1.5,
}
analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


def settings(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (UNITS / unit).read_text(encoding="utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def exposure(unit: Path) -> float:
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    found = re.search(r"exposure level for \S+: ([\d.]+)", said.stdout)
    assert found, said.stderr
    return float(found[1])


@analyze
@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_a_unit_is_as_hardened_as_promised(unit: str) -> None:
    assert exposure(UNITS / unit) <= MOST_EXPOSED[unit]


@analyze
def test_a_worker_with_a_gpu_is_still_within_its_bounds(tmp_path: Path) -> None:
    unit = tmp_path / "tonebus-worker@.service"
    shutil.copy(UNITS / unit.name, unit)
    with unit.open("a", encoding="utf-8") as out:
        out.write((UNITS / "gpu.conf").read_text(encoding="utf-8"))
    assert exposure(unit) <= 1.7


@analyze
def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.target")):
        text = unit.read_text(encoding="utf-8").replace("/opt/tonebus/bin/tonebus", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    names = [
        "tonebus.target", "tonebus-api.service", "tonebus-daemon@1.service",
        "tonebus-worker@1.service",
    ]  # fmt: skip
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in names)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    ours = [line for line in said.stderr.splitlines() if "tonebus" in line]
    assert (said.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_a_unit_is_never_given_up_and_starts_again_at_any_end(unit: str) -> None:
    found = settings(unit)
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"]
    assert "RestartPreventExitStatus" not in found


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_a_unit_tells_how_it_is_and_leaves_no_dump(unit: str) -> None:
    found = settings(unit)
    assert found["Type"] == ["notify"]
    assert float(found["WatchdogSec"][0]) > 0
    assert found["LimitCORE"] == ["0"]
    assert found["MemoryMax"]
    assert found["TasksMax"]


def test_there_is_more_time_to_stop_than_draining_takes() -> None:
    from daemon.settings import DaemonSettings  # noqa: PLC0415 - nothing else here needs us

    defaults = DaemonSettings()
    assert float(settings("tonebus-daemon@.service")["TimeoutStopSec"][0]) > defaults.drain_seconds
    assert float(settings("tonebus-worker@.service")["TimeoutStopSec"][0]) > defaults.score_timeout


def test_all_units_share_one_list_of_hardening() -> None:
    lists = set()
    for unit in MOST_EXPOSED:
        text = (UNITS / unit).read_text(encoding="utf-8")
        lists.add(text[text.index("# Hardening") : text.index("SystemCallErrorNumber")])
    assert len(lists) == 1
