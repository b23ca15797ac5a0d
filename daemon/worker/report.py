"""A worker's own report on each of its models: what it scored, how busy it is, that it runs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from daemon.process.watchdog import last_incident
from daemon.status import snapshot
from daemon.status.incidents import LEDGER
from daemon.status.process import ProcessIdentity
from daemon.status.rates import History
from daemon.status.snapshot import WorkerSnapshot
from daemon.telemetry import metrics
from daemon.telemetry.registry import Registry

if TYPE_CHECKING:
    from connectors.cache import Store
    from connectors.messages import Model
    from connectors.scoring.protocol import BatchResult

_EVERY_SECONDS = 1.0


class WorkerReport:
    """What a worker reports of itself and one of its models, each second, from a thread of its own.

    Attributes:
        line: Its state, in one line for a person.
    """

    def __init__(
        self, store: Store, *, name: str, model: Model, device: str, threads: int,
        precision: tuple[str, str] = ("", ""), registry: Registry | None = None,
    ) -> None:  # fmt: skip
        """Start with all counters at zero; nothing is reported before `start`.

        The name is the model's in the settings; the precision is a number format, and why.
        """
        self.registry = registry or Registry()
        self.line = f"{name}: waiting for texts"
        self._store = store
        self._name = name
        self._same: dict[str, Any] = {
            "serves": name, "model": model.name, "revision": model.revision, "device": device,
            "threads": threads, "precision": precision[0], "why": precision[1],
        }  # fmt: skip
        self._identity = ProcessIdentity("worker")
        self._history = History()
        self.registry.set(metrics.MODEL, name, model.name, model.revision, to=1)

    def start(self) -> None:
        """Report once a second from now on, until the process ends."""
        threading.Thread(target=self._run, name="report", daemon=True).start()

    def scored(self, result: BatchResult) -> None:
        self.registry.batch(self._name, result.outcomes(), result.seconds)
        self.registry.count(metrics.BUSY, self._name, by=result.seconds)

    def failed(self, code: str) -> None:
        self.registry.count(metrics.FAILED, self._name, code)

    def snapshot(self) -> WorkerSnapshot:
        registry, own = self.registry, (self._name,)
        texts = registry.values[metrics.SCORED].get(own, 0)
        busy = registry.values[metrics.BUSY].get(own, 0)
        self._history.read(
            time.monotonic(), time.time(),
            totals={"texts": texts, "busy": busy}, tones={}, latency=[],
        )  # fmt: skip
        LEDGER.count_in(registry)
        return WorkerSnapshot(
            **self._identity.now(),
            **self._same,
            rate=self._history.rate("texts"),
            busy=min(1.0, self._history.rate("busy")),
            texts=int(texts),
            incidents=LEDGER.recent(),
        )

    def post(self) -> None:
        """Write a snapshot to the store, and put it into words in `line`."""
        key = snapshot.KEY + f"{self._identity.instance}:{self._name}".encode()
        current = self.snapshot()
        done = (
            f"{current.serves}: {current.rate:.0f} texts/s, {current.busy:.0%} busy, "
            f"{current.texts} texts so far"
        )
        self.line = "; ".join([done, *last_incident(current.incidents)])
        seconds = snapshot.PATIENCE + snapshot.LIVE_SECONDS
        self._store.post(snapshot.INDEX, [(key, snapshot.encode(current), seconds)])

    def _run(self) -> None:
        while True:
            self.post()
            time.sleep(_EVERY_SECONDS)
