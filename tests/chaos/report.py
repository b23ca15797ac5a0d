"""What a run comes to, for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.ledger import Account


@dataclass
class Row:
    """One kind of fault: how often it was injected, and the seconds from its end to catching up."""

    seconds: list[float] = field(default_factory=list)


@dataclass
class Report:
    """The outcome of a run.

    Attributes:
        neighbour: What came of the messages of a second deployment on the same Redis.
        left: Messages that remained in each source queue at the end.
        crashes: Ends of the daemon that nobody asked for.
        stuck: Faults from which it did not recover in time.
    """

    seed: int
    seconds: float
    rows: dict[str, Row]
    account: Account
    neighbour: Account
    left: dict[str, int]
    crashes: int
    stuck: list[str]
    failed_attempts: int

    @property
    def sound(self) -> bool:
        """Whether nothing was lost, and nothing remained but rubbish."""
        published, parked = self.account.rubbish
        clean = not self.crashes and not self.stuck and self.remained == published - parked
        return self.account.sound and self.neighbour.sound and clean

    @property
    def remained(self) -> int:
        """Messages in all source queues: rubbish, for its connector pauses."""
        return sum(self.left.values())

    def __str__(self) -> str:
        """Return the table, in Markdown, and the figures beneath it."""
        lines = [
            "| fault | count | median recovery, s | worst recovery, s |",
            "|---|---:|---:|---:|",
        ]
        for name, row in sorted(self.rows.items()):
            ordered = sorted(row.seconds)
            median, worst = ordered[len(ordered) // 2], ordered[-1]
            lines.append(f"| {name} | {len(ordered)} | {median:.1f} | {worst:.1f} |")
        published, parked = self.account.rubbish
        count = sum(len(row.seconds) for row in self.rows.values())
        lines += [
            "",
            f"{count} faults in {self.seconds:.0f} s, seed {self.seed}",
            *self.account.lines(),
            f"publishing attempts of the oracle that failed: {self.failed_attempts}",
            f"rubbish of one upstream: {published:,}, of which {parked:,} parked",
            f"left in source queues: {self.remained:,}; rubbish may be",
            f"second deployment: {', '.join(self.neighbour.lines())}",
            f"crashes of the daemon: {self.crashes}",
            f"no recovery from: {', '.join(self.stuck) or 'none'}",
        ]
        return "\n".join(lines)
