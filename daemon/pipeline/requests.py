"""The texts that are wanted of one model: what waits, what is out with a worker, what failed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic

import structlog

from connectors.messages import Fault
from connectors.scoring.protocol import Failed, Scored, Started
from daemon.pipeline.charges import Charged, charged_to
from daemon.pipeline.work import Verdict, Waiter, Wanted
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from connectors.scoring.protocol import Answer
    from daemon.pipeline.batcher import Batcher
    from daemon.telemetry.registry import Meter

_REST_SECONDS = 1.0
_LATE_BATCHES = 256
_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Batch(Generic[Waiter]):
    """Texts in one request.

    Attributes:
        asked: Monotonic seconds when it was sent.
        worker: Who has taken it up; empty until somebody has.
        started: Monotonic seconds when that was reported.
    """

    members: list[Wanted[Waiter]]
    asked: float
    worker: str = ""
    started: float = 0.0


@dataclass(slots=True)
class Requests(Generic[Waiter]):
    """All texts that are wanted of one model.

    Invariant: every text in `wanted` is in exactly one of the batcher, `again`, or a batch in
    `out`. A batch in `late` is overdue or has failed: its texts are in one of these too, and a late
    score still counts.

    Attributes:
        workers: Workers that consume the model's requests, at the last count.
        rest_until: Monotonic seconds until when no worker is asked.
    """

    model: str
    batcher: Batcher[Wanted[Waiter]]
    timeout: float
    clock: Callable[[], float]
    meter: Meter
    again: deque[list[Wanted[Waiter]]] = field(default_factory=deque)
    wanted: dict[bytes, Wanted[Waiter]] = field(default_factory=dict)
    out: dict[str, Batch[Waiter]] = field(default_factory=dict)
    late: dict[str, Batch[Waiter]] = field(default_factory=dict)
    workers: int = 0
    rest_until: float = 0.0
    _unreadable: int = 0

    def count(self, workers: int) -> None:
        """Note how many workers there are; new ones may send what can be read."""
        if workers != self.workers:
            self._unreadable = 0
        self.workers = workers

    @property
    def usable_workers(self) -> int:
        """Workers, but none where all that they send is unreadable."""
        return 0 if self._unreadable > self.workers else self.workers

    def add(self, key: bytes, text: str, waiter: Waiter, *, alone: bool) -> None:
        """Want a text; equal ones are one."""
        if wanted := self.wanted.get(key):
            wanted.waiters.append(waiter)
            return
        wanted = self.wanted[key] = Wanted(self.model, key, text, [waiter])
        if alone:
            self.again.append([wanted])
        else:
            self.batcher.add(wanted)

    def withdraw(self, key: bytes, waiter: Waiter) -> None:
        """Take a waiter back. A text that is out stays wanted: its score is worth having."""
        wanted = self.wanted.get(key)
        if wanted is None or waiter not in wanted.waiters:
            return
        wanted.waiters.remove(waiter)
        if not wanted.waiters and not any(wanted in each.members for each in self.out.values()):
            del self.wanted[key]
            self.batcher.discard(wanted)

    def next(self, places: float) -> list[Wanted[Waiter]]:
        """Take the next batch, less the texts that are not wanted any more."""
        while self.again:
            if members := list(filter(self._is_wanted, self.again.popleft())):
                return members
        while taken := self.batcher.take(places):
            if members := list(filter(self._is_wanted, taken)):
                return members
        return []

    def take_in(self, answer: Answer) -> list[Verdict[Waiter]]:
        """Take in what a worker said; it may be for another, or late."""
        batch = self.out.get(answer.request) or self.late.get(answer.request)
        if batch is None:
            return []
        if isinstance(answer, Started):
            batch.worker, batch.started = answer.worker, self.clock()
            return []
        if isinstance(answer, Scored) and len(answer.verdicts) == len(batch.members):
            self.out.pop(answer.request, None)
            self.late.pop(answer.request, None)
            return self._verdicts(batch, answer)
        if answer.request in self.late:
            return []
        return self._lose(answer.request, _fault(answer, batch))

    def overdue(self) -> list[Verdict[Waiter]]:
        """See to batches that are out too long.

        One that no worker took up is asked again as it is: the queue was slow, or was purged.
        """
        now = self.clock()
        late = [
            request
            for request, batch in self.out.items()
            if now - max(batch.asked, batch.started) > self.timeout
        ]
        return self._lose_all(late, "timeout")

    def clear(self) -> None:
        """Forget everything."""
        self.again.clear()
        self.wanted.clear()
        self.out.clear()
        self.late.clear()
        self.batcher.clear()
        self._unreadable = 0

    def _is_wanted(self, member: Wanted[Waiter]) -> bool:
        return self.wanted.get(member.key) is member

    def _lose_all(self, requests: Iterable[str], code: str) -> list[Verdict[Waiter]]:
        verdicts: list[Verdict[Waiter]] = []
        for request in requests:
            fault = Fault(code if self.out[request].worker else "not-taken-up")
            verdicts += self._lose(request, fault)
        return verdicts

    def _lose(self, request: str, fault: Fault) -> list[Verdict[Waiter]]:
        """Charge a batch for which no score came; its worker may only be cut off or slow."""
        batch = self.late[request] = self.out.pop(request)
        while len(self.late) > _LATE_BATCHES:
            del self.late[next(iter(self.late))]
        return self._fail(batch, fault)

    def _verdicts(self, batch: Batch[Waiter], answer: Scored) -> list[Verdict[Waiter]]:
        self._unreadable = 0
        self.batcher.learn([member.text for member in batch.members], answer.seconds)
        self.meter.batch(self.model, answer, batch.started - batch.asked)
        verdicts: list[Verdict[Waiter]] = []
        for member, outcome in zip(batch.members, answer.verdicts, strict=True):
            if not self._is_wanted(member):
                continue
            if isinstance(outcome, Fault):
                verdicts += self._fail(Batch([member], batch.asked, answer.worker), outcome)
            else:
                del self.wanted[member.key]
                verdicts.append(Verdict(member, outcome, answer.model))
        return verdicts

    def _fail(self, batch: Batch[Waiter], fault: Fault) -> list[Verdict[Waiter]]:
        """Charge a fault where it belongs, and send again what is not given up."""
        self.meter.count(metrics.FAILED, self.model, fault.code)
        alone = len(batch.members) == 1
        verdicts: list[Verdict[Waiter]] = []
        left: list[Wanted[Waiter]] = []
        for member in filter(self._is_wanted, batch.members):
            if not member.waiters:
                del self.wanted[member.key]
            elif member.record.charge(fault.code, batch.worker, alone=alone):
                del self.wanted[member.key]
                _log.warning("text_given_up", code=fault.code, error=fault.detail)
                verdicts.append(Verdict(member, fault))
            else:
                left.append(member)
        self._send_again(left, fault)
        return verdicts

    def _send_again(self, members: list[Wanted[Waiter]], fault: Fault) -> None:
        charged = charged_to(fault.code)
        if charged is Charged.WORKER:
            # to ask again at once would be to ask in circles
            self._unreadable += 1
            self.rest_until = self.clock() + _REST_SECONDS
            _log.warning("reply_refused", model=self.model, error=fault.detail or fault.code)
        parts = [members]
        if charged is Charged.SUSPICION:
            # every further worker that dies of one text is one too many: find it at once
            parts = [[member] for member in members]
        elif charged is Charged.TEXT:
            middle = (len(members) + 1) // 2
            parts = [members[:middle], members[middle:]]
        if len(parts) > 1 and len(members) > 1:
            _log.warning("batch_split", texts=len(members), code=fault.code, error=fault.detail)
        self.again.extend(part for part in parts if part)


def _fault(answer: Answer, batch: Batch[Waiter]) -> Fault:
    if not isinstance(answer, Failed):
        return Fault("unreadable", "AnswerOfAnotherLength" if isinstance(answer, Scored) else "")
    # of a request that no worker reported to have, its return proves nothing
    returned = charged_to(answer.fault.code) is Charged.SUSPICION and not batch.worker
    return Fault("not-taken-up") if returned else answer.fault
