"""Who is charged for a fault of scoring: the one table, and the only place that reads it.

A text is given up for what was proved of it, and for nothing else. A fault of the infrastructure is
charged to nobody: the text waits, however long.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Charged(Enum):
    """Who is charged, and what follows for a text that was alone in its batch.

    Attributes:
        TEXT: The model failed on this text: it is given up at the second time.
        SUSPICION: A worker process ended, hung or was cut off with it: it is given up after three
            different processes, if it was alone with the last.
        WORKER: The reply cannot be read: another worker is asked, and nothing counts against the
            text.
        NOBODY: No worker took the request: it is sent again.
    """

    TEXT = "text"
    SUSPICION = "suspicion"
    WORKER = "worker"
    NOBODY = "nobody"


CHARGES = {
    "error": Charged.TEXT,
    "not-finite": Charged.TEXT,
    "out-of-memory": Charged.TEXT,
    "worker-lost": Charged.SUSPICION,
    "timeout": Charged.SUSPICION,
    "unreadable": Charged.WORKER,
    "not-taken-up": Charged.NOBODY,
}
"""By the code of a `Fault`. Other codes, from a worker of another release, mean the text."""

FAILURES = 2
SUSPECTS = 3


@dataclass(slots=True)
class Record:
    """What was proved of one text so far.

    Attributes:
        failures: How often the model failed on it alone.
        suspects: Worker processes that were lost while they held it, alone or not.
    """

    failures: int = 0
    suspects: set[str] = field(default_factory=set)

    def charge(self, code: str, worker: str, *, alone: bool) -> bool:
        """Count a fault of a batch with this text; return whether the text is given up."""
        charged = charged_to(code)
        if charged is Charged.SUSPICION and worker:
            self.suspects.add(worker)
            return alone and len(self.suspects) >= SUSPECTS
        if charged is Charged.TEXT and alone:
            self.failures += 1
            return self.failures >= FAILURES
        return False

    @property
    def attempts(self) -> int:
        return self.failures + len(self.suspects)


def charged_to(code: str) -> Charged:
    return CHARGES.get(code, Charged.TEXT)
