"""What a run costs: CPU of every process that takes part, memory, bytes between them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
SERVERS = {"RabbitMQ": "beam.smp", "Redis": "redis-server"}
"""The servers' processes, by the name that the kernel gives them."""


class Spent(NamedTuple):
    """What was used up to now.

    Attributes:
        cpu: Seconds of CPU by role.
        wire: Bytes that went over the loopback interface, from all senders.
    """

    cpu: dict[str, float]
    wire: int

    def since(self, before: Spent, messages: int) -> dict[str, float]:
        """Return what was used meanwhile, for 1,000 messages; bytes for one."""
        spent = {
            f"{role} CPU s per 1,000": 1000 * (seconds - before.cpu[role]) / messages
            for role, seconds in self.cpu.items()
        }
        return spent | {"bytes on the wire per message": (self.wire - before.wire) / messages}


def spent(roles: Mapping[str, Iterable[int]]) -> Spent:
    """Look at processes, whose ids each role has, and at the servers."""
    everybody = {role: list(pids) for role, pids in roles.items()}
    everybody |= {role: _named(name) for role, name in SERVERS.items()}
    cpu = {role: sum(map(cpu_seconds, pids)) for role, pids in everybody.items()}
    return Spent(cpu, _loopback_bytes())


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss(pid: int) -> int:
    """Resident memory of a process, in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def _named(name: str) -> list[int]:
    return [
        int(each.parent.name)
        for each in Path("/proc").glob("[0-9]*/comm")
        if each.read_text(encoding="utf-8", errors="replace").strip() == name
    ]


def _loopback_bytes() -> int:
    for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
        name, _, fields = line.partition(":")
        if name.strip() == "lo":
            return int(fields.split()[0])
    return 0
