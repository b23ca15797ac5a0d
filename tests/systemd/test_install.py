"""`make install` and `make uninstall`, under a root of their own."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.systemd.installing import ROOT, make

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("make"), reason="make is not installed"),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    make("install", DESTDIR=str(root))
    return root


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o7777:o}"


def test_every_file_lies_where_it_belongs_with_its_mode(installed: Path) -> None:
    units = installed / "usr/local/lib/systemd/system"
    assert {path.name for path in units.iterdir() if path.is_file()} == {
        "tonebus.target", "tonebus-api.service", "tonebus-daemon@.service",
        "tonebus-worker@.service",
    }  # fmt: skip
    assert mode(units / "tonebus.target") == "644"
    assert mode(installed / "usr/local/lib/sysusers.d/tonebus.conf") == "644"
    assert mode(installed / "usr/local/lib/tmpfiles.d/tonebus.conf") == "644"
    etc = installed / "etc/tonebus"
    assert (mode(etc), mode(etc / "tonebus.toml")) == ("750", "640")
    assert {mode(etc / "credentials" / name) for name in (".", "broker", "redis", "api")} == {"700"}
    assert mode(installed / "usr/local/bin/tonebus") == "755"


def test_nothing_remembers_the_root_that_it_was_installed_under(installed: Path) -> None:
    for path in (installed / "opt/tonebus/bin/tonebus", installed / "opt/tonebus/pyvenv.cfg"):
        assert str(installed) not in path.read_text(encoding="utf-8")
    first = (installed / "opt/tonebus/bin/tonebus").read_text(encoding="utf-8").splitlines()[0]
    assert first == "#!/opt/tonebus/bin/python"


def test_what_is_installed_runs_away_from_the_sources(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [installed / "opt/tonebus/bin/python", "-m", "daemon.cli", "--version"],
        cwd=tmp_path, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.startswith("tonebus, version "), done.stderr


def test_every_file_of_the_packages_is_installed(installed: Path) -> None:
    [place] = (installed / "opt/tonebus/lib").glob("python3*/site-packages")
    ours = [
        path.relative_to(ROOT)
        for package in ("api", "connectors", "daemon")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    assert not [str(path) for path in ours if not (place / path).is_file()]


def test_an_upgrade_and_an_uninstall_keep_the_configuration(installed: Path) -> None:
    ours = installed / "etc/tonebus/tonebus.toml"
    ours.write_text("# ours\n", encoding="utf-8")
    secret = installed / "etc/tonebus/credentials/broker/url"
    secret.write_text("amqp://somewhere\n", encoding="utf-8")
    make("install", DESTDIR=str(installed))
    assert ours.read_text(encoding="utf-8") == "# ours\n"
    make("uninstall", DESTDIR=str(installed))
    assert ours.read_text(encoding="utf-8") == "# ours\n"
    assert secret.exists()
    left = [path for path in installed.rglob("*") if path.is_file() or path.is_symlink()]
    assert set(left) == {ours, secret}


def test_another_prefix_is_written_into_the_units(tmp_path: Path) -> None:
    make("install", DESTDIR=str(tmp_path), PREFIX="/srv/tone", SYSCONFDIR="/srv/etc")
    unit = tmp_path / "usr/local/lib/systemd/system/tonebus-daemon@.service"
    text = unit.read_text(encoding="utf-8")
    assert "ExecStart=/srv/tone/bin/tonebus daemon" in text
    assert "TONEBUS_CONFIG=/srv/etc/tonebus/tonebus.toml" in text
    assert "/opt/tonebus" not in text
    assert (tmp_path / "srv/etc/tonebus/tonebus.toml").exists()
    command = (tmp_path / "usr/local/bin/tonebus").read_text(encoding="utf-8")
    assert "exec /srv/tone/bin/tonebus" in command
    assert "/srv/etc/tonebus/credentials" in command
    assert "/etc/tonebus" not in command.replace("/srv/etc/tonebus", "")
