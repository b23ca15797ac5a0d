"""Scores for callers in this process: the cache and the workers, behind one thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog
import tenacity

from connectors.amqp import topology
from connectors.errors import BadInput, Misconfigured, Unavailable
from connectors.mapping import is_blank
from connectors.messages import Fault, Model, Score
from connectors.text import without_surrogates
from daemon.pipeline.scorer import Labeller
from daemon.process import wiring
from daemon.telemetry.registry import Meter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.cache import Store
    from connectors.ports import Backlog, Edges
    from daemon.settings import Settings

_IDLE_SECONDS = 0.5
_MEASURE_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class Prediction(msgspec.Struct, frozen=True):
    """The score of one text, and where it came from."""

    score: Score
    model: Model
    cached: bool


@dataclass(slots=True, eq=False)
class _Request:
    text: str
    model: str
    key: bytes
    future: asyncio.Future[Prediction]


class Predictor:
    """Answers many callers at once; their texts share batches, cache and connection.

    Callers live on one event loop. Between it and the thread here much is handed over at a time:
    one wake-up for all that was asked meanwhile, one call for all answers of a turn.

    Attributes:
        fault: Why the bus is not to be had; empty while it is.
        meter: Counts.
        backlogs: How each queue that there is stood a moment ago.
    """

    def __init__(self, settings: Settings, edges: Edges, store: Store) -> None:
        """Wire the parts; connect nothing yet.

        Raises:
            Misconfigured: A model cannot be identified.
        """
        self._edges = edges
        self._cache = wiring.cache(settings, store)
        self._max_chars = settings.daemon.max_text_chars
        self.meter = Meter()
        self.identities = wiring.identities(settings)
        self._labeller: Labeller[_Request] = Labeller(
            list(self.identities), settings.daemon, time.monotonic, meter=self.meter, urgent=True
        )
        self._asked: deque[_Request] = deque()
        self._woken = False
        self._answered: list[tuple[_Request, Prediction | Exception]] = []
        self._stopping = threading.Event()
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="predictor", daemon=True)
        self._queues = [
            *(topology.source_queue(each.name) for each in settings.connectors),
            *(topology.scoring_queue(each.name).name for each in settings.models),
            topology.PARKED,
            topology.UNROUTED,
        ]
        self._measured = float("-inf")
        self.backlogs: dict[str, Backlog] = {}
        self.fault = "not connected yet"

    def start(self, patience: float = 5.0) -> None:
        """Answer callers on the running event loop from now on.

        Args:
            patience: Seconds to wait, at most, for the first attempt to connect.
        """
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        self._tried.wait(patience)

    def stop(self) -> None:
        """Let go of the connection; what is not answered yet never will be."""
        self._stopping.set()
        self._edges.wakeup.set()
        self._thread.join(timeout=5)

    def workers(self, model: str) -> int:
        """Workers of a model, at the last count."""
        return 0 if self.fault else self._labeller.workers(model)

    def predict(self, model: str, texts: Sequence[str]) -> list[asyncio.Future[Prediction]]:
        """Ask for scores, on the event loop.

        Returns:
            A future for each text. It fails with `Unavailable` where the bus is lost meanwhile,
            and with `BadInput` where the model cannot score the text.
        """
        identity = self.identities[model]
        requests = []
        for text in texts:
            # a lone surrogate cannot be sent on, and would fail its whole batch
            cut = without_surrogates(text[: self._max_chars])
            key = self._cache.score_key(identity.model, identity.preprocessing, cut)
            requests.append(_Request(cut, model, key, self._loop.create_future()))
        self._asked.extend(requests)
        if not self._woken:
            self._woken = True
            self._edges.wakeup.set()
        return [request.future for request in requests]

    def _run(self) -> None:
        try:
            self._serve()
        finally:
            # were it to end by a fault of ours, nobody should wait for it
            self.fault = "the connection to the bus has ended; start the API again"

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                self._open()
                while not self._stopping.is_set():
                    self._turn()
            except Unavailable as lost:
                self.fault = str(lost)
                self.backlogs = {}
                _log.warning("bus_lost", error=self.fault)
                self._edges.drop()
                self._fail_all(lost)
        self._edges.close()

    def _open(self) -> None:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((Unavailable, Misconfigured)),
            wait=wiring.RECONNECT_PAUSES,
            stop=tenacity.stop_when_event_set(self._stopping),
            sleep=self._pause,
            reraise=True,
        ):
            with attempt:
                try:
                    self._edges.open()
                except (Unavailable, Misconfigured) as error:
                    self.fault = str(error)
                    self._edges.drop()
                    self._fail_all(Unavailable(self.fault))
                    self._tried.set()
                    raise
        self.fault = ""
        self._tried.set()

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _turn(self) -> None:
        self._edges.wait(_IDLE_SECONDS)
        self._collect()
        self._look_up()
        self._tell()
        if not self._edges.blocked:
            self._measure()
            self._labeller.ask(self._edges.scoring)

    def _collect(self) -> None:
        scoring = self._edges.scoring
        for verdict in self._labeller.collect(scoring.answers(), scoring.gone()):
            wanted, outcome = verdict.wanted, verdict.outcome
            if isinstance(outcome, Fault) or verdict.model is None:
                bad = BadInput("poison", "the model cannot score this text")
                self._answered += [(request, bad) for request in wanted.waiters]
                continue
            # the worker may serve another revision than ours, and its score is that one's
            preprocessing = self.identities[wanted.waiters[0].model].preprocessing
            key = self._cache.score_key(verdict.model, preprocessing, wanted.text)
            self._cache.remember_score(key, outcome)
            prediction = Prediction(outcome, verdict.model, cached=False)
            self._answered += [(request, prediction) for request in wanted.waiters]

    def _measure(self) -> None:
        now = time.monotonic()
        if now - self._measured < _MEASURE_SECONDS:
            return
        self._measured = now
        found = {queue: self._edges.backlog(queue) for queue in self._queues}
        self.backlogs = {queue: backlog for queue, backlog in found.items() if backlog}

    def _look_up(self) -> None:
        # before they are taken, so that who asks from here on wakes us again
        self._woken = False
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        # a caller that has given up needs no answer
        asked = [request for request in asked if not request.future.cancelled()]
        if not asked and not self._cache.pending:
            return
        scores, _ = self._cache.look_up([request.key for request in asked])
        for request, score in zip(asked, scores, strict=True):
            model = self.identities[request.model].model
            if is_blank(request.text):
                self._answered.append((request, Prediction(Score({}, 0), model, cached=False)))
            elif score:
                self._answered.append((request, Prediction(score, model, cached=True)))
            else:
                self._labeller.want(request.model, request.key, request.text, request)

    def _fail_all(self, error: Unavailable) -> None:
        """Tell every caller at once: nobody should wait for a bus that is not there."""
        self._woken = False
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        self._answered += [(request, error) for request in (*self._labeller.waiters(), *asked)]
        self._labeller.reset()
        self._tell()

    def _tell(self) -> None:
        if not self._answered:
            return
        answered, self._answered = self._answered, []
        # the loop may be gone already, and every caller with it
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(_settle, answered)


def _settle(answered: Sequence[tuple[_Request, Prediction | Exception]]) -> None:
    for request, outcome in answered:
        if request.future.done():
            continue
        if isinstance(outcome, Exception):
            request.future.set_exception(outcome)
        else:
            request.future.set_result(outcome)
