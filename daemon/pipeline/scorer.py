"""From texts to scores: keeps every worker busy, and no text waiting without need."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic

import structlog

from connectors.messages import Fault
from daemon.pipeline.requests import Requests
from daemon.pipeline.work import Outcome, Requester
from daemon.telemetry.registry import Registry
from daemon.telemetry.tracer import Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from connectors.cache import Cache
    from connectors.ports import Edges, ScoringEdge
    from connectors.scoring.protocol import Reply
    from daemon.model.identity import ModelIdentity
    from daemon.settings import DaemonSettings

_LINGER_SECONDS = 0.005
"""Short beside a forward, long beside the time between two messages of a busy bus."""
_COUNT_SECONDS = 1.0
_SEARCH_SECONDS = 0.1
_log = structlog.get_logger(__name__)


class Scorer(Generic[Requester]):
    """Asks the workers of every model for the scores of texts, and remembers the scores.

    A batch that fails is split, down to single texts; `charges` says what counts against a text.
    Without a worker, or while no worker sends a readable reply, everything waits.

    Invariant: a score is remembered under the revision that made it. A worker may serve another
    one than this process knows.

    Attributes:
        hold: Seconds for which a delivery is held while nothing can be done.
    """

    def __init__(
        self,
        models: Mapping[str, ModelIdentity],
        settings: DaemonSettings,
        cache: Cache,
        clock: Callable[[], float],
        *,
        registry: Registry | None = None,
        tracer: Tracer | None = None,
        urgent: bool = False,
        yields: bool = False,
    ) -> None:
        """Ask for nothing yet.

        Urgent batches may overtake the backlog of others. One that yields leaves the workers to
        others while these keep them busy.
        """
        self._models = models
        self._cache = cache
        self.clock = clock
        registry = registry or Registry()
        self.tracer = tracer or Tracer()
        self._urgent = urgent
        self._timeout = settings.score_timeout
        self.hold = settings.hold_seconds
        self._counted = float("-inf")
        self._requests: dict[str, Requests[Requester]] = {
            model: Requests(model, settings, clock, registry, yields) for model in models
        }

    def want(
        self, model: str, key: bytes, text: str, requester: Requester, *, alone: bool = False
    ) -> None:
        """Have a text scored, once for all who request it: they come back with the outcome.

        Equal texts have equal keys. One that is to be `alone` shares no batch.
        """
        self._requests[model].add(key, text, requester, alone=alone)

    def withdraw(self, model: str, key: bytes, requester: Requester) -> None:
        """Withdraw a requester that still waits.

        A text without requesters is not sent, nor sent again. One that a worker has already may
        still get its score, in an outcome without requesters.
        """
        self._requests[model].withdraw(key, requester)

    def is_suspect(self, model: str, key: bytes) -> bool:
        """Whether a worker was lost with a text that is wanted, or did not answer in time."""
        request = self._requests[model].unscored.get(key)
        return bool(request and request.record.suspects)

    @property
    def in_flight(self) -> int:
        """Batches that are out."""
        return sum(len(each.out) for each in self._requests.values())

    @property
    def _saturated(self) -> bool:
        """Whether every worker that is asked has a batch, so that most texts can only wait.

        Of a model that nobody asks for anything it says nothing: its workers may be the same.
        """
        asked = [each for each in self._requests.values() if each.out]
        return bool(asked) and all(len(each.out) >= each.workers for each in asked)

    def gather(self, edges: Edges, patience: float, linger: float = _LINGER_SECONDS) -> list[Reply]:
        """Sleep until something arrives, and longer while every worker is busy and none replies.

        What arrives then could only wait, and one turn for many messages costs the daemon and
        RabbitMQ less than a turn for each. Sleeps `patience` seconds at most for the first,
        `linger` for more.

        Raises:
            Unavailable: The bus is lost.
        """
        edges.wait(patience)
        replies = edges.scoring.replies()
        until = time.monotonic() + linger
        while self._saturated and not replies and (left := until - time.monotonic()) > 0:
            edges.wait(left)
            replies = edges.scoring.replies()
        return replies

    @property
    def waiting(self) -> int:
        """Texts that are requested and not yet scored."""
        return sum(len(each.unscored) for each in self._requests.values())

    def requesters(self) -> list[Requester]:
        return [
            requester
            for each in self._requests.values()
            for request in each.unscored.values()
            for requester in request.requesters
        ]

    def workers(self, model: str) -> int:
        """Workers of a model that can be asked, at the last count."""
        return self._requests[model].usable_workers

    def ask(self, scoring: ScoringEdge) -> None:
        """Send a batch to every worker that is free.

        No batch waits behind another: while it waited, it could not grow any more.
        """
        self._count_workers(scoring)
        now = self.clock()
        for each in self._requests.values():
            # on average a busy worker is half done, and should find something left
            busy = len(each.out)
            while now >= each.rest_until and (free := each.workers - len(each.out)) > 0:
                if each.yields and each.queued:
                    break
                members = each.next(free + busy / 2)
                # where no worker can be used, a request without texts finds out when one can
                if not members and (each.out or each.usable_workers):
                    break
                sources = (source for member in members for source in member.sources())
                request = scoring.ask(
                    each.model, [member.text for member in members], urgent=self._urgent,
                    timeout=self._timeout,
                    headers=self.tracer.ask(each.model, len(members), sources),
                )  # fmt: skip
                each.sent(request, members)

    def collect(self, replies: Iterable[Reply]) -> list[Outcome[Requester]]:
        """Process the workers' replies, and give up batches whose reply is overdue.

        Replies to requests of others are ignored.
        """
        outcomes: list[Outcome[Requester]] = []
        for reply in replies:
            for each in self._requests.values():
                outcomes += each.take_in(reply)
        for each in self._requests.values():
            outcomes += each.overdue()
        for outcome in outcomes:
            # at once: a score is the most expensive thing here
            self._remember(outcome)
        return outcomes

    def reset(self) -> None:
        """Forget everything: the connection is lost, and every delivery will be redelivered."""
        for each in self._requests.values():
            each.clear()
        self._counted = float("-inf")

    def _remember(self, outcome: Outcome[Requester]) -> None:
        request, result = outcome.request, outcome.result
        if outcome.model and not isinstance(result, Fault):
            preprocessing = self._models[request.model].preprocessing
            key = self._cache.score_key(outcome.model, preprocessing, request.text)
            self._cache.remember_score(key, result)

    def _count_workers(self, scoring: ScoringEdge) -> None:
        now = self.clock()
        # a text that waits for a first worker should not wait for the next count as well
        missed = any(each.unscored and not each.workers for each in self._requests.values())
        if now - self._counted < (_SEARCH_SECONDS if missed else _COUNT_SECONDS):
            return
        self._counted = now
        for each in self._requests.values():
            before = each.workers
            each.count(scoring.workers(each.model))
            if not each.workers and before:
                _log.warning("workers_gone", model=each.model)
            elif each.workers != before:
                _log.info("workers_counted", model=each.model, workers=each.workers)
