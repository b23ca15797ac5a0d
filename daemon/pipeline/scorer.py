"""From texts to scores: which are wanted, which are out with a worker, and what came of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

import structlog

from connectors.messages import Fault
from connectors.scoring.protocol import Failed, Scored, Started
from daemon.pipeline.batcher import Batcher
from daemon.pipeline.work import Verdict, Waiter, Wanted
from daemon.telemetry import metrics
from daemon.telemetry.registry import Meter
from daemon.telemetry.tracing import Tracer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from connectors.ports import ScoringEdge
    from connectors.scoring.protocol import Answer
    from daemon.settings import DaemonSettings

_CENSUS_SECONDS = 1.0
_SEARCH_SECONDS = 0.1
_PROBE_SECONDS = 0.5
_ATTEMPTS = 2
_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Batch(Generic[Waiter]):
    members: list[Wanted[Waiter]]
    asked: float
    worker: str = ""
    started: float = 0.0


@dataclass(slots=True)
class _Lane(Generic[Waiter]):
    """The texts for one model."""

    model: str
    batcher: Batcher[Wanted[Waiter]]
    again: deque[list[Wanted[Waiter]]] = field(default_factory=deque)
    wanted: dict[bytes, Wanted[Waiter]] = field(default_factory=dict)
    out: dict[str, _Batch[Waiter]] = field(default_factory=dict)
    workers: int = 0

    def next_again(self) -> list[Wanted[Waiter]]:
        """Take the next batch to be asked again, without the texts that nobody waits for."""
        while self.again:
            members = self.again.popleft()
            for member in members:
                if not member.waiters:
                    del self.wanted[member.key]
            if kept := [member for member in members if member.waiters]:
                return kept
        return []


class Labeller(Generic[Waiter]):
    """Keeps every worker busy and no text waiting without need; charges a fault where it belongs.

    A batch that fails, or whose worker dies or falls silent, is split in halves down to single
    texts; a text that fails twice alone is given up. While no worker lives nothing is charged:
    everything waits.

    Attributes:
        tracer: Traces requests.
    """

    def __init__(
        self,
        models: Sequence[str],
        settings: DaemonSettings,
        clock: Callable[[], float],
        *,
        meter: Meter | None = None,
        tracer: Tracer | None = None,
        urgent: bool = False,
    ) -> None:
        """Prepare a lane for each model.

        Args:
            models: Names of the models.
            settings: Bounds of a batch, and how long to wait for one.
            clock: Monotonic seconds.
            meter: Counts.
            tracer: Traces requests.
            urgent: Whether our batches may overtake the backlog of others.
        """
        self._clock = clock
        self._meter = meter or Meter()
        self.tracer = tracer or Tracer()
        self._urgent = urgent
        self._timeout = settings.score_timeout
        self._censused = self._probed = float("-inf")
        self._lanes: dict[str, _Lane[Waiter]] = {
            model: _Lane(
                model,
                Batcher(
                    texts=settings.batch_texts,
                    size=settings.batch_bytes,
                    seconds=settings.batch_seconds,
                ),
            )
            for model in models
        }

    def want(
        self, model: str, key: bytes, text: str, waiter: Waiter, *, alone: bool = False
    ) -> None:
        """Have a text scored; if it is wanted already, its score will serve both.

        Args:
            model: Name of the model.
            key: Equal for equal texts.
            text: What to score.
            waiter: Given back with the verdict.
            alone: Whether it must not share a batch.
        """
        lane = self._lanes[model]
        if wanted := lane.wanted.get(key):
            wanted.waiters.append(waiter)
            return
        wanted = lane.wanted[key] = Wanted(model, key, text, [waiter])
        if alone:
            lane.again.append([wanted])
        else:
            lane.batcher.add(wanted)

    def withdraw(self, model: str, key: bytes, waiter: Waiter) -> None:
        """Take a waiter back, if it waits still.

        A text that nobody waits for any more is not sent, nor asked again. One that is out with a
        worker already may come back with its score, in an outcome without waiters.
        """
        lane = self._lanes[model]
        wanted = lane.wanted.get(key)
        if wanted is None or waiter not in wanted.waiters:
            return
        wanted.waiters.remove(waiter)
        if not wanted.waiters and lane.batcher.discard(wanted):
            del lane.wanted[key]

    @property
    def in_flight(self) -> int:
        """Batches that are out."""
        return sum(len(lane.out) for lane in self._lanes.values())

    @property
    def saturated(self) -> bool:
        """Whether every worker has a batch, so that a text which comes now can only wait."""
        return all(lane.out and len(lane.out) >= lane.workers for lane in self._lanes.values())

    @property
    def waiting(self) -> int:
        """Texts that are wanted and not yet scored."""
        return sum(len(lane.wanted) for lane in self._lanes.values())

    def waiters(self) -> list[Waiter]:
        """Whoever waits for a score."""
        return [
            waiter
            for lane in self._lanes.values()
            for wanted in lane.wanted.values()
            for waiter in wanted.waiters
        ]

    def workers(self, model: str) -> int:
        """Workers of a model, at the last count."""
        return self._lanes[model].workers

    def ask(self, scoring: ScoringEdge) -> None:
        """Send a batch to every worker that is free; ask after workers that are slow.

        None waits behind another one: what is sent while a worker is busy could not grow any more.
        """
        self._count_workers(scoring)
        self._probe(scoring)
        for lane in self._lanes.values():
            # a busy worker is half done, in the mean, and should find something left
            busy = len(lane.out)
            while (free := lane.workers - len(lane.out)) > 0:
                places = free + busy / 2
                members = lane.next_again() or lane.batcher.take(places)
                if not members:
                    break
                texts = [member.text for member in members]
                request = scoring.ask(
                    lane.model, texts, urgent=self._urgent, timeout=self._timeout,
                    headers=self.tracer.ask(lane.model, members),
                )  # fmt: skip
                lane.out[request] = _Batch(members, self._clock())

    def collect(self, answers: Iterable[Answer], gone: Sequence[str]) -> list[Verdict[Waiter]]:
        """Take in what the workers said, and see to the batches that will have no answer.

        Args:
            answers: Those to requests of others are passed over.
            gone: Workers that were found dead.
        """
        verdicts: list[Verdict[Waiter]] = []
        for answer in answers:
            for lane in self._lanes.values():
                if batch := lane.out.get(answer.request):
                    if isinstance(answer, Started):
                        batch.worker, batch.started = answer.worker, self._clock()
                    elif isinstance(answer, Scored):
                        del lane.out[answer.request]
                        verdicts += self._verdicts(lane, batch, answer)
                    elif isinstance(answer, Failed):
                        del lane.out[answer.request]
                        verdicts += self._fail(lane, batch.members, answer.fault)
        for lane in self._lanes.values():
            verdicts += self._overdue(lane)
            verdicts += self._bereaved(lane, gone)
        return verdicts

    def reset(self) -> None:
        """Forget everything: the connection is lost, and every delivery will come again."""
        for lane in self._lanes.values():
            lane.again.clear()
            lane.wanted.clear()
            lane.out.clear()
            lane.batcher.clear()
        self._censused = float("-inf")

    def _verdicts(
        self, lane: _Lane[Waiter], batch: _Batch[Waiter], answer: Scored
    ) -> list[Verdict[Waiter]]:
        if len(answer.verdicts) != len(batch.members):
            return self._fail(lane, batch.members, Fault("error", "AnswerOfAnotherLength"))
        lane.batcher.learn([member.text for member in batch.members], answer.seconds)
        self._meter.batch(lane.model, answer, batch.started - batch.asked)
        verdicts = []
        for member, outcome in zip(batch.members, answer.verdicts, strict=True):
            if isinstance(outcome, Fault):
                verdicts += self._fail(lane, [member], outcome)
            else:
                del lane.wanted[member.key]
                verdicts.append(Verdict(member, outcome, answer.model))
        return verdicts

    def _fail(
        self, lane: _Lane[Waiter], members: list[Wanted[Waiter]], fault: Fault
    ) -> list[Verdict[Waiter]]:
        """Split a failed batch; give up a text that has failed alone too often."""
        self._meter.count(metrics.FAILED, lane.model, fault.code)
        if len(members) > 1:
            middle = len(members) // 2
            lane.again.extend((members[:middle], members[middle:]))
            _log.warning("batch_split", texts=len(members), code=fault.code, error=fault.detail)
            return []
        [member] = members
        member.attempts += 1
        if member.attempts < _ATTEMPTS:
            lane.again.append(members)
            return []
        del lane.wanted[member.key]
        _log.warning("text_given_up", code=fault.code, error=fault.detail)
        return [Verdict(member, fault)]

    def _overdue(self, lane: _Lane[Waiter]) -> list[Verdict[Waiter]]:
        """See to batches that were out too long.

        One that no worker took up is asked again as it is: the queue was slow, or was purged.
        """
        now = self._clock()
        verdicts: list[Verdict[Waiter]] = []
        late = [
            request
            for request, batch in lane.out.items()
            if now - max(batch.asked, batch.started) > self._timeout
        ]
        for request in late:
            batch = lane.out.pop(request)
            if batch.worker:
                verdicts += self._fail(lane, batch.members, Fault("timeout"))
            else:
                lane.again.append(batch.members)
        return verdicts

    def _bereaved(self, lane: _Lane[Waiter], gone: Sequence[str]) -> list[Verdict[Waiter]]:
        verdicts: list[Verdict[Waiter]] = []
        for request, batch in list(lane.out.items()):
            if batch.worker in gone:
                del lane.out[request]
                verdicts += self._fail(lane, batch.members, Fault("worker-lost"))
        return verdicts

    def _count_workers(self, scoring: ScoringEdge) -> None:
        now = self._clock()
        # whoever waits for a first worker should not wait for the census too
        missed = any(lane.wanted and not lane.workers for lane in self._lanes.values())
        if now - self._censused < (_SEARCH_SECONDS if missed else _CENSUS_SECONDS):
            return
        self._censused = now
        for lane in self._lanes.values():
            before, lane.workers = lane.workers, scoring.workers(lane.model)
            if not lane.workers and before:
                _log.warning("workers_gone", model=lane.model)
            elif lane.workers != before:
                _log.info("workers_counted", model=lane.model, workers=lane.workers)

    def _probe(self, scoring: ScoringEdge) -> None:
        """Ask after every worker that holds a batch of ours."""
        now = self._clock()
        if now - self._probed < _PROBE_SECONDS:
            return
        self._probed = now
        holders = {
            batch.worker
            for lane in self._lanes.values()
            for batch in lane.out.values()
            if batch.worker and now - batch.started > _PROBE_SECONDS
        }
        for worker in holders:
            scoring.probe(worker)
