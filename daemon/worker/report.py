"""A worker's own report: what it scored, how busy it is, and that it is running."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from connectors.messages import Score
from daemon.process.watchdog import last_fault
from daemon.status import snapshot
from daemon.status.incidents import LEDGER
from daemon.status.process import Identity
from daemon.status.rates import History
from daemon.status.snapshot import WorkerNote
from daemon.telemetry import metrics
from daemon.telemetry.registry import Meter

if TYPE_CHECKING:
    from connectors.cache import Store
    from connectors.messages import Model
    from connectors.scoring.protocol import Sheet

_EVERY_SECONDS = 1.0


class WorkerReport:
    """What a worker reports of itself, each second, from a thread of its own.

    Attributes:
        meter: Its counters.
        line: Its state, in one line for a person.
    """

    def __init__(self, store: Store, *, name: str, model: Model, device: str, threads: int) -> None:
        """Start with all counters at zero; nothing is reported before `start`.

        Args:
            store: Where snapshots are kept.
            name: The model's name in the settings.
            model: What it serves.
            device: Where it computes.
            threads: With how many threads.
        """
        self.meter = Meter()
        self.line = f"{name}: waiting for texts"
        self._store = store
        self._name, self._model, self._device, self._threads = name, model, device, threads
        self._identity = Identity("worker")
        self._history = History()
        self.meter.set(metrics.MODEL, name, model.name, model.revision, to=1)

    def start(self) -> None:
        """Report once a second from now on, until the process ends."""
        threading.Thread(target=self._run, name="report", daemon=True).start()

    def scored(self, sheet: Sheet) -> None:
        """Count one batch."""
        meter, name = self.meter, self._name
        verdicts = sheet.verdicts()
        scores = [each for each in verdicts if isinstance(each, Score)]
        meter.count(metrics.SCORED, name, by=len(scores))
        meter.count(metrics.BATCH_TOKENS, name, by=sum(each.tokens for each in scores))
        meter.count(metrics.BUSY, name, by=sheet.seconds)
        meter.histogram(metrics.BATCH_TEXTS, name).observe(len(verdicts))
        meter.histogram(metrics.SCORING, name).observe(sheet.seconds)

    def failed(self, code: str) -> None:
        """Count a batch that came to nothing."""
        self.meter.count(metrics.FAILED, self._name, code)

    def note(self) -> WorkerNote:
        """Return the snapshot of now."""
        meter = self.meter
        texts = meter.total(metrics.SCORED)
        self._history.read(
            time.monotonic(), time.time(),
            totals={"texts": texts, "busy": meter.total(metrics.BUSY)}, tones={}, latency=[],
        )  # fmt: skip
        for code, count in LEDGER.totals().items():
            meter.set(metrics.FAULTS, code, to=count)
        return WorkerNote(
            process=self._identity.now(),
            model=self._name,
            name=self._model.name,
            revision=self._model.revision,
            device=self._device,
            threads=self._threads,
            rate=self._history.rate("texts"),
            busy=min(1.0, self._history.rate("busy")),
            texts=int(texts),
            faults=LEDGER.recent(),
        )

    def post(self) -> None:
        """Write a snapshot."""
        key = snapshot.KEY + self._identity.instance.encode()
        note = self.note()
        self.line = _line(note)
        seconds = snapshot.PATIENCE + snapshot.LIVE_SECONDS
        self._store.post(snapshot.INDEX, [(key, snapshot.encode(note), seconds)])

    def _run(self) -> None:
        while True:
            self.post()
            time.sleep(_EVERY_SECONDS)


def _line(note: WorkerNote) -> str:
    done = f"{note.model}: {note.rate:.0f} texts/s, {note.busy:.0%} busy, {note.texts} texts so far"
    return "; ".join([done, *last_fault(note.faults)])
