"""The texts to be scored by one model: those that wait, are with a worker, or failed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

import structlog

from connectors.messages import Fault
from connectors.scoring.protocol import Failed, Scored, Started
from daemon.pipeline.batcher import Batcher
from daemon.pipeline.charges import Charged, Record, charged_to
from daemon.pipeline.work import Outcome, Requester, ScoreRequest
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.scoring.protocol import Reply
    from daemon.settings import DaemonSettings
    from daemon.telemetry.registry import Registry

_REST_SECONDS, _LONG_REST_SECONDS = 1.0, 5.0
_FREE_SECONDS = 0.2
"""An idle worker takes a batch sooner than this, on a busy host too."""
_SHORTEST_AWAY, _LONGEST_AWAY = 0.25, 5.0
_LATE_BATCHES = 256
_RECORDS = 1000
_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Batch(Generic[Requester]):
    """Texts in one request.

    Attributes:
        asked: Monotonic seconds when it was sent.
        worker: The worker that has taken it; empty until one has.
        started: Monotonic seconds when that was reported.
        cut_off: Whether the worker has lost its channel, and goes on with the forward.
    """

    members: list[ScoreRequest[Requester]]
    asked: float
    worker: str = ""
    started: float = 0.0
    cut_off: bool = False


@dataclass(slots=True)
class Requests(Generic[Requester]):
    """All texts to be scored by one model.

    Invariant: every text in `unscored` is in exactly one of the batcher, `again`, or a batch in
    `out`. A batch in `late` is overdue or has failed: its texts are in one of these too, and a late
    score still counts.

    Attributes:
        workers: Workers that consume the model's requests, at the last count.
        rest_until: Monotonic seconds until when no worker is asked.
        records: What is known of texts that have no requester now, by their keys: a text that ends
            its workers is delivered again, and must not start from zero.
        yields: Whether to stay away from workers that others keep busy.
    """

    model: str
    settings: DaemonSettings
    clock: Callable[[], float]
    registry: Registry
    yields: bool
    batcher: Batcher[ScoreRequest[Requester]] = field(init=False)
    again: deque[list[ScoreRequest[Requester]]] = field(default_factory=deque)
    unscored: dict[bytes, ScoreRequest[Requester]] = field(default_factory=dict)
    out: dict[str, Batch[Requester]] = field(default_factory=dict)
    late: dict[str, Batch[Requester]] = field(default_factory=dict)
    workers: int = 0
    rest_until: float = 0.0
    records: dict[bytes, Record] = field(default_factory=dict)
    _away: float = 0.0
    _unreadable: int = 0
    _silent_since: float | None = None
    _reported: bool = False

    def __post_init__(self) -> None:
        bounds = self.settings
        self.batcher = Batcher(
            texts=bounds.batch_texts, size=bounds.batch_bytes, seconds=bounds.batch_seconds
        )

    def count(self, workers: int) -> None:
        """Note how many workers there are; new ones may send replies that can be read."""
        if workers != self.workers:
            if self._unreadable:
                self.rest_until = 0.0
            self._unreadable, self._silent_since = 0, None
        self.workers = workers
        if workers and self.silent and not self._reported:
            self._reported = True
            _log.warning("workers_silent", model=self.model, workers=workers)

    @property
    def usable_workers(self) -> int:
        """Workers; 0 where they send only unreadable replies, or none."""
        return 0 if self.silent or self._unreadable > self.workers else self.workers

    @property
    def silent(self) -> bool:
        """Whether workers have been asked, and have not even reported a request for too long."""
        since = self._silent_since
        return since is not None and self.clock() - since > self.settings.hold_seconds

    def sent(self, batch_id: str, members: list[ScoreRequest[Requester]]) -> None:
        """Note a request; without members it only finds out whether a worker takes it."""
        now = self.clock()
        self.out[batch_id] = Batch(members, now)
        if self._silent_since is None:
            self._silent_since = now

    def add(self, key: bytes, text: str, requester: Requester, *, alone: bool) -> None:
        """Request a text; equal texts are one request."""
        if request := self.unscored.get(key):
            request.requesters.append(requester)
            return
        request = self.unscored[key] = ScoreRequest(self.model, key, text, [requester])
        if record := self.records.pop(key, None):
            request.record = record
        if alone or request.record.suspects:
            self.again.append([request])
        else:
            self.batcher.add(request)

    def withdraw(self, key: bytes, requester: Requester) -> None:
        """Withdraw a requester. A text that a worker has stays: its score is worth keeping."""
        request = self.unscored.get(key)
        if request is None or requester not in request.requesters:
            return
        request.requesters.remove(requester)
        if not request.requesters and not any(
            request in each.members for each in self.out.values()
        ):
            self._let_go(request)
            self.batcher.discard(request)

    def next(self, places: float) -> list[ScoreRequest[Requester]]:
        """Take the next batch, without the texts that are no longer requested."""
        while self.again:
            if members := list(filter(self._is_wanted, self.again.popleft())):
                return members
        while taken := self.batcher.take(places):
            if members := list(filter(self._is_wanted, taken)):
                return members
        return []

    def take_in(self, reply: Reply) -> list[Outcome[Requester]]:
        """Process a worker's reply; it may be to another request, or late."""
        batch = self.out.get(reply.request) or self.late.get(reply.request)
        if batch is None:
            return []
        self._silent_since, self._reported = None, False
        if isinstance(reply, Started):
            batch.cut_off = batch.worker == reply.worker
            if batch.cut_off:  # a suspicion was about its channel alone
                for member in batch.members:
                    member.record.suspects.discard(batch.worker)
                return []
            batch.worker, batch.started = reply.worker, self.clock()
            if self.yields:
                self._yield(batch.started - batch.asked)
            return []
        if isinstance(reply, Scored) and len(reply.outcomes) == len(batch.members):
            self.out.pop(reply.request, None)
            self.late.pop(reply.request, None)
            return self._outcomes(batch, reply)
        fault = _fault(reply, batch)
        if reply.request in self.late or (batch.cut_off and fault.code == "worker-lost"):
            return []
        return self._lose(reply.request, fault)

    @property
    def queued(self) -> bool:
        return not all(each.started for each in self.out.values())

    def _yield(self, waited: float) -> None:
        """Where a batch had to wait, others keep the workers busy: stay away longer each time.

        Nobody can see from outside whether a worker is busy, so one batch finds out.
        """
        longer = min(max(2 * self._away, _SHORTEST_AWAY), _LONGEST_AWAY)
        self._away = longer if waited > _FREE_SECONDS else 0.0
        self.rest_until = self.clock() + self._away

    def overdue(self) -> list[Outcome[Requester]]:
        """Give up batches that are out too long.

        One that no worker took is sent again as it is: the queue was slow, or was purged.
        """
        now = self.clock()
        outcomes: list[Outcome[Requester]] = []
        for batch_id, batch in list(self.out.items()):
            if now - max(batch.asked, batch.started) > self.settings.score_timeout:
                fault = Fault("timeout" if batch.worker else "not-taken-up")
                outcomes += self._lose(batch_id, fault)
        return outcomes

    def clear(self) -> None:
        """Forget everything except what is known of texts."""
        for request in list(self.unscored.values()):
            self._let_go(request)
        self.again.clear()
        self.unscored.clear()
        self.out.clear()
        self.late.clear()
        self.batcher.clear()
        self._unreadable, self._silent_since = 0, None

    def _let_go(self, request: ScoreRequest[Requester]) -> None:
        del self.unscored[request.key]
        if request.record.attempts:
            self.records[request.key] = request.record
            while len(self.records) > _RECORDS:
                del self.records[next(iter(self.records))]

    def _is_wanted(self, member: ScoreRequest[Requester]) -> bool:
        return self.unscored.get(member.key) is member

    def _lose(self, batch_id: str, fault: Fault) -> list[Outcome[Requester]]:
        """Charge a batch that got no score; its worker may only be cut off or slow."""
        batch = self.late[batch_id] = self.out.pop(batch_id)
        while len(self.late) > _LATE_BATCHES:
            del self.late[next(iter(self.late))]
        if charged_to(fault.code) is Charged.SUSPICION and batch.worker:
            _log.warning("worker_missed", model=self.model, worker=batch.worker, code=fault.code)
        return self._fail(batch, fault)

    def _outcomes(self, batch: Batch[Requester], reply: Scored) -> list[Outcome[Requester]]:
        self._unreadable = 0
        outcomes: list[Outcome[Requester]] = []
        if not batch.members:
            return outcomes
        self.batcher.learn([member.text for member in batch.members], reply.seconds)
        self.registry.batch(self.model, reply.outcomes, reply.seconds)
        waited = max(0.0, batch.started - batch.asked)
        self.registry.histogram(metrics.QUEUE_WAIT, self.model).observe(waited)
        for member, result in zip(batch.members, reply.outcomes, strict=True):
            if not self._is_wanted(member):
                continue
            if isinstance(result, Fault):
                outcomes += self._fail(Batch([member], batch.asked, reply.worker), result)
            else:
                del self.unscored[member.key]
                outcomes.append(Outcome(member, result, reply.model))
        return outcomes

    def _fail(self, batch: Batch[Requester], fault: Fault) -> list[Outcome[Requester]]:
        """Charge a fault where it belongs, and send the other texts again."""
        self.registry.count(metrics.FAILED, self.model, fault.code)
        alone = len(batch.members) == 1
        outcomes: list[Outcome[Requester]] = []
        left: list[ScoreRequest[Requester]] = []
        for member in filter(self._is_wanted, batch.members):
            if not member.requesters:
                member.record.charge(fault.code, batch.worker, alone=alone)
                self._let_go(member)
            elif member.record.charge(fault.code, batch.worker, alone=alone):
                del self.unscored[member.key]
                _log.warning("text_given_up", code=fault.code, error=fault.detail)
                outcomes.append(Outcome(member, fault))
            else:
                left.append(member)
        self._send_again(left, fault)
        return outcomes

    def _send_again(self, members: list[ScoreRequest[Requester]], fault: Fault) -> None:
        charged = charged_to(fault.code)
        if charged is Charged.WORKER:
            # asking again at once would go round in circles
            self._unreadable += 1
            self.rest_until = self.clock() + (_REST_SECONDS if members else _LONG_REST_SECONDS)
            _log.warning("reply_refused", model=self.model, error=fault.detail or fault.code)
        parts = [members]
        if charged is Charged.SUSPICION:
            # each further worker lost to one text is one too many: find the text at once
            parts = [[member] for member in members]
        elif charged is Charged.TEXT:
            middle = (len(members) + 1) // 2
            parts = [members[:middle], members[middle:]]
        if len(parts) > 1 and len(members) > 1:
            _log.warning("batch_split", texts=len(members), code=fault.code, error=fault.detail)
        self.again.extend(part for part in parts if part)


def _fault(reply: Reply, batch: Batch[Requester]) -> Fault:
    if not isinstance(reply, Failed):
        return Fault("unreadable", "AnswerOfAnotherLength" if isinstance(reply, Scored) else "")
    # where no worker has reported the request, its return proves nothing
    returned = charged_to(reply.fault.code) is Charged.SUSPICION and not batch.worker
    return Fault("not-taken-up") if returned else reply.fault
