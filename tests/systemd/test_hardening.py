"""What a process can do from inside its unit: next to nothing that it need not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until

if TYPE_CHECKING:
    from tests.systemd.machine import Machine

pytestmark = pytest.mark.slow
PROBE = """
import ctypes, json, os, resource, socket, subprocess

def refused(attempt):
    try:
        attempt()
    except OSError as error:
        return error.strerror
    return ""

libc = ctypes.CDLL(None, use_errno=True)

def syscall(*arguments):
    if libc.syscall(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
credentials = os.environ["CREDENTIALS_DIRECTORY"]
print(json.dumps({
    "user": os.getuid() != 0,
    "writes": {place: refused(lambda: open(place + "/x", "w"))
               for place in ("/etc", "/usr", "/var/lib", "/opt/tonebus", "/run", "/boot")},
    "reads": {place: refused(lambda: os.listdir(place))
              for place in ("/home", "/root", "/etc/tonebus/credentials")},
    "tmp": refused(lambda: open("/tmp/x", "w")), "tmp_seen": sorted(os.listdir("/tmp")),
    "no_new_privileges": status["NoNewPrivs"], "seccomp": status["Seccomp"],
    "capabilities": {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")},
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "packet": refused(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "unshare": refused(lambda: syscall(272, 0x10000000)),
    "others": [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) == 1],
    "devices": sorted(os.listdir("/dev")),
    "secret": sorted(os.listdir(credentials)),
    "secret_mode": oct(os.stat(credentials + "/broker_url").st_mode & 0o777),
}))
"""


@pytest.fixture(scope="module", params=["tonebus-daemon@", "tonebus-worker@", "tonebus-api"])
def seen(request: pytest.FixtureRequest, machine: Machine) -> Any:
    """What a probe sees that runs as the unit does."""
    unit = (machine.root / f"usr/local/lib/systemd/system/{request.param}.service").read_text()
    unit = unit.replace("Type=notify", "Type=oneshot").replace("Restart=always", "Restart=no")
    unit = re.sub("^WatchdogSec=.*$", "", unit, flags=re.MULTILINE)
    unit = re.sub("^ExecStart=.*$", "ExecStart=/opt/tonebus/bin/python /opt/probe.py", unit,
                  flags=re.MULTILINE)  # fmt: skip
    name = f"probe-{request.param.strip('@').removeprefix('tonebus-')}"
    machine.write("/opt/probe.py", PROBE)
    secret = machine.root / "etc/tonebus/credentials/broker/url"
    if not secret.exists():
        machine.write("/etc/tonebus/credentials/broker/url", "amqp://u:p@localhost//", 0o600)
    machine.write(f"/etc/systemd/system/{name}.service", unit)
    machine.systemctl("daemon-reload")
    machine.systemctl("start", name)

    def said() -> list[str]:
        facts = [fact["MESSAGE"] for fact in machine.journal(name)]
        return [fact for fact in facts if fact.startswith("{")]

    # the journal takes a line in its own time, after the unit has ended too
    until(said)
    [line] = said()
    return json.loads(line)


def test_it_writes_nowhere_but_into_its_own_places(seen: Any) -> None:
    assert all(seen["writes"].values()), seen["writes"]
    assert (seen["tmp"], seen["tmp_seen"]) == ("", ["x"])


def test_it_reads_neither_homes_nor_other_secrets(seen: Any) -> None:
    assert all(seen["reads"].values()), seen["reads"]
    assert seen["secret"][0] == "broker_url"
    assert seen["secret_mode"] in {"0o400", "0o440"}


def test_it_is_nobody_and_can_become_nobody_else(seen: Any) -> None:
    assert seen["user"]
    assert seen["no_new_privileges"] == "1"
    assert set(seen["capabilities"].values()) == {0}


def test_the_kernel_answers_few_of_its_calls(seen: Any) -> None:
    assert seen["seccomp"] == "2"
    assert seen["packet"]
    assert seen["unshare"]


def test_it_sees_no_devices_no_init_and_leaves_no_dump(seen: Any) -> None:
    assert "sda" not in seen["devices"]
    assert not [name for name in seen["devices"] if name.startswith(("vd", "sd", "kmsg", "mem"))]
    assert seen["others"] == []
    assert seen["core"] == [0, 0]
