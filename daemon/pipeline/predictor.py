"""Scores for callers in this process: the cache and the workers, behind one thread of its own.

Invariant: a request waits in two places, on the event loop as an `Asked` and here with the scorer,
and leaves both together: answered (`settle`), or withdrawn by its caller (`_take_back`).
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import tenacity

from connectors.errors import BadInput, Misconfigured, Unavailable
from connectors.messages import Fault
from connectors.text import clamped
from daemon.pipeline.asking import Asked, NoWorker, Prediction, Request, settle
from daemon.pipeline.queue_depths import QueueDepths
from daemon.pipeline.routing import NOTHING, routings_of_callers
from daemon.pipeline.scorer import Scorer
from daemon.telemetry.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenacity.wait import wait_base

    from connectors.cache import Cache
    from connectors.ports import Backlog, Edges
    from daemon.model.identity import ModelIdentity
    from daemon.settings import Settings

_IDLE_SECONDS = 0.5
_STALLED_ATTEMPTS = 3
"""A thread whose turn takes longer than so many attempts to connect is stuck."""

_log = structlog.get_logger(__name__)


class Predictor:
    """Answers many callers at once; their texts share batches, cache and connection.

    Callers run on one event loop. It and the thread here exchange many requests at a time: one
    wake-up for all that was asked meanwhile, one call for all replies of a turn.

    Attributes:
        fault: Why the bus cannot be reached; empty while it can.
    """

    def __init__(
        self, settings: Settings, *, edges: Edges, cache: Cache, pauses: wait_base,
        identities: Mapping[str, ModelIdentity],
    ) -> None:  # fmt: skip
        self._edges = edges
        self._cache = cache
        self._pauses = pauses
        self._max_chars = settings.daemon.max_text_chars
        self.registry = Registry()
        self.identities = identities
        self._routings = routings_of_callers(identities, settings.usual_models)
        self._scorer: Scorer[Request] = Scorer(
            self.identities, settings.daemon, cache, time.monotonic,
            registry=self.registry, urgent=True,
        )  # fmt: skip
        self._asked: deque[Request] = deque()
        self._left: deque[Request] = deque()
        self._woken = False
        self._answered: list[tuple[Request, Prediction | Exception]] = []
        self._stopping = threading.Event()
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="predictor", daemon=True)
        self._patience = _STALLED_ATTEMPTS * (
            settings.broker.connect_timeout * len(settings.broker.url.split(";"))
            + settings.broker.heartbeat
        )
        self._due = float("inf")
        self._died = ""
        self._depths = QueueDepths(settings)
        self.fault = "not connected yet"

    def start(self, patience: float = 5.0) -> None:
        """Answer callers on the running event loop from now on.

        Waits `patience` seconds at most for the first attempt to connect.
        """
        self._loop = asyncio.get_running_loop()
        self._due = time.monotonic()
        self._thread.start()
        self._tried.wait(patience)

    def stop(self) -> None:
        """Close the connection; open requests are not answered any more."""
        self._stopping.set()
        self._edges.wakeup.set()
        self._thread.join(timeout=5)

    @property
    def died(self) -> bool:
        """Whether the thread has ended by a bug; only a new process helps."""
        return bool(self._died)

    def ailment(self) -> str:
        """Return why this process can predict no more, whatever RabbitMQ does; else empty."""
        if self._died:
            return f"the predictor thread has ended: {self._died}"
        late = time.monotonic() - self._due
        if late > self._patience:
            return f"the predictor thread has been stuck for {late:.0f} s"
        return ""

    @property
    def backlogs(self) -> dict[str, Backlog]:
        """Depth of each queue that exists, a moment ago."""
        return self._depths.latest

    @property
    def blocked(self) -> bool:
        """Whether RabbitMQ has asked this process to publish no more."""
        return not self.fault and self._edges.blocked

    def workers(self, model: str) -> int:
        return 0 if self.fault else self._scorer.workers(model)

    def predict(self, model: str, texts: Sequence[str]) -> Asked:
        """Request scores, on the event loop; a caller that stops waiting must `withdraw`."""
        routing = self._routings[model]
        asked = Asked(self._loop.create_future())
        for place, text in enumerate(texts):
            # a lone surrogate cannot be sent, and would fail its whole batch
            kept, cut = clamped(text, self._max_chars)
            choice = routing.choose(kept)
            known = choice.model.identity
            key = self._cache.score_key(known.model, known.preprocessing, kept)
            asked.requests.append(Request(asked, place, kept, cut, choice, key))
        self._asked.extend(asked.requests)
        self._wake()
        return asked

    def withdraw(self, asked: Asked) -> None:
        """Withdraw open requests, on the event loop: their caller has stopped waiting."""
        if not asked.whole:
            asked.future.cancel()
            self._left.extend(asked.requests)
            self._wake()

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            self._edges.wakeup.set()

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # noqa: BLE001 - whatever it is must be noticed
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(place.filename).name}:{place.lineno}"
            self._died = f"{type(error).__name__} at {where}"
            _log.error("predictor_died", error=self._died)
        finally:
            # no caller should wait for a thread that has ended
            self._fail_all("the connection to the bus has ended; start the API again")

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                self._open()
                while not self._stopping.is_set():
                    self._turn()
            except Unavailable as lost:
                self._depths.latest = {}
                self._lose(lost)
                _log.warning("disconnected", error=self.fault)
        self._edges.close()

    def _open(self) -> None:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((Unavailable, Misconfigured)),
            wait=self._pauses,
            stop=tenacity.stop_when_event_set(self._stopping),
            sleep=self._pause,
            reraise=True,
        )
        retrying(self._open_once)

    def _open_once(self) -> None:
        try:
            self._edges.open()
            self.fault = ""
        except (Unavailable, Misconfigured) as error:
            self._lose(error)
            _log.warning("bus_unavailable", error=self.fault)
            raise
        finally:
            self._tried.set()

    def _pause(self, seconds: float) -> None:
        self._due = time.monotonic() + seconds
        self._stopping.wait(seconds)

    def _turn(self) -> None:
        self._due = time.monotonic() + _IDLE_SECONDS
        self._edges.wait(_IDLE_SECONDS)
        # before anything is taken, so that a caller who asks or leaves from here on wakes us again
        self._woken = False
        self._collect()
        self._take_back()
        self._look_up()
        self._tell()
        if not self._edges.blocked:
            self._depths.count(self._edges)
            self._scorer.ask(self._edges.scoring)
        self._dismiss()

    def _collect(self) -> None:
        scoring = self._edges.scoring
        for outcome in self._scorer.collect(scoring.replies()):
            request, result = outcome.request, outcome.result
            if isinstance(result, Fault) or outcome.model is None:
                bad = BadInput("poison", "the model cannot score this text")
                self._answered += [(caller, bad) for caller in request.requesters]
                continue
            for caller in request.requesters:
                made = caller.prediction(result, outcome.model, cached=False)
                self._answered.append((caller, made))

    def _take_back(self) -> None:
        for _ in range(len(self._left)):
            request = self._left.popleft()
            self._scorer.withdraw(request.model, request.key, request)

    def _dismiss(self) -> None:
        """Answer callers at once who would wait in vain; the scorer has just counted workers."""
        blocked = self._edges.blocked
        if not blocked and all(map(self._scorer.workers, self.identities)):
            return
        reason = NoWorker(
            "RabbitMQ asks publishers to wait" if blocked else "no worker of this model is running"
        )
        for request in self._scorer.requesters():
            if blocked or not self._scorer.workers(request.model):
                self._scorer.withdraw(request.model, request.key, request)
                self._answered.append((request, reason))
        self._tell()

    def _look_up(self) -> None:
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        # a caller who has given up needs no answer
        asked = [request for request in asked if not request.asked.future.done()]
        if not asked and not self._cache.pending:
            return
        scores, _ = self._cache.look_up([request.key for request in asked])
        for request in asked:
            model = request.choice.model.identity.model
            if not request.choice.scored:
                nothing = request.prediction(NOTHING, model, cached=False)
                self._answered.append((request, nothing))
            elif score := scores.get(request.key):
                self._answered.append((request, request.prediction(score, model, cached=True)))
            else:
                self._scorer.want(request.model, request.key, request.text, request)

    def _lose(self, error: Exception) -> None:
        self._edges.drop()
        self._fail_all(str(error))

    def _fail_all(self, fault: str) -> None:
        """Answer every caller at once: no one should wait for a bus that is not there."""
        self.fault, error = fault, Unavailable(fault)
        self._woken = False
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        self._answered += [(request, error) for request in (*self._scorer.requesters(), *asked)]
        self._scorer.reset()
        self._tell()

    def _tell(self) -> None:
        if not self._answered:
            return
        answered, self._answered = self._answered, []
        # the loop may have ended already, and every caller with it
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(settle, answered)
