"""Publish what is ready, within a window of bytes, and probe destinations that refuse."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import structlog

from connectors.ports import Fate
from daemon.pipeline.destinations import (
    FIRST_PAUSE,
    FIXES,
    LONGEST_PAUSE,
    UNCONFIRMED,
    Destination,
    Refusal,
)
from daemon.pipeline.limits import WINDOW_BYTES, WINDOW_MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.messages import OutgoingMessage
    from connectors.ports import Edges
    from daemon.pipeline.outgoing import Pending

_TOPIC = "access to topic"
"""What RabbitMQ says where a user may write to an exchange, but not under this key."""
_LATE: tuple[OutgoingMessage | None, float] = (None, 0.0)
_log = structlog.get_logger(__name__)


class Publisher:
    """Publishes what is ready and returns what is safe.

    A refusal by the broker is charged to the destination. The other messages for it wait while one
    message probes it, with growing pauses; all other destinations continue.

    Invariant: a message is in `_ready`, in `_sent`, or in the `waiting` of one refusal; only the
    probe of a refusal is in `_sent` as well. An overdue message waits like a refused one, and takes
    no room in the window: it may never be confirmed.

    Attributes:
        refusals: How often the broker refused a message.
    """

    def __init__(self, edges: Edges, confirm_timeout: float, clock: Callable[[], float]) -> None:
        """Start empty.

        A message without a confirm for `confirm_timeout` seconds is charged to its destination; a
        late confirm still counts.
        """
        self._edges = edges
        self._confirm_timeout = confirm_timeout
        self._clock = clock
        self._ready: deque[Pending] = deque()
        self._sent: dict[Pending, tuple[OutgoingMessage, float]] = {}
        self._sent_bytes = 0
        # messages that are still to be sent one by one
        self._single_file = 0
        self.refused: dict[Destination, Refusal] = {}
        self.refusals = 0

    def __len__(self) -> int:
        """Messages that the broker does not have yet."""
        return len(self._ready) + sum(len(each.waiting) for each in self.refused.values())

    def put(self, pending: Pending) -> None:
        self._ready.append(pending)

    def send(self) -> list[tuple[Pending, Exception]]:
        """Send what is ready, as far as the window allows, and probe destinations that refuse.

        Returns:
            Messages that cannot be made, each with the error.
        """
        failed: list[tuple[Pending, Exception]] = []
        if self._edges.blocked:
            return failed
        now = self._clock()
        self._probe(failed, now)
        while self._ready and self._open:
            pending = self._ready.popleft()
            if pending.wanted and (message := _made(pending, failed)):
                if refusal := self._refusal(message):
                    refusal.waiting.append(pending)
                else:
                    self._send(pending, message, now)
        return failed

    def confirmed(self) -> list[Pending]:
        """Return what is safe, and deal with what was refused or is overdue."""
        safe: list[Pending] = []
        for (pending, sent), fate, detail in self._edges.sink.outcomes():
            if fate is not Fate.CONFIRMED and sent is not self._sent.get(pending, _LATE)[0]:
                continue  # an earlier copy, which was overdue: the probe has an outcome of its own
            message = self._take_sent(pending)
            if fate is not Fate.VOID:
                self._single_file = max(0, self._single_file - 1)
            if fate is Fate.CONFIRMED:
                if not pending.safe:
                    pending.safe = True
                    safe.append(pending)
                self._reopen(pending, late=message is None)
            elif pending.safe or message is None:
                continue
            elif fate is Fate.VOID:
                if not self._take_probe(pending):
                    # one of them is to blame: sent one by one, it will be the only one out
                    self._single_file += 1
                    self._ready.appendleft(pending)
            else:
                self._refuse(pending, message, fate.value, detail)
        self._charge_overdue()
        return safe

    def forget(self) -> None:
        """Drop what no delivery waits for; a refusing destination keeps one message as its probe.

        That one is a real event of a message that will be redelivered, under the same id.
        """
        self._ready = deque(each for each in self._ready if each.wanted)
        for refusal in self.refused.values():
            identified = (each for each in refusal.waiting if each.identified)
            probe = next(identified, next(iter(refusal.waiting), None))
            refusal.waiting = deque(each for each in refusal.waiting if each.wanted)
            if probe and not refusal.waiting and not refusal.probe:
                refusal.waiting.append(probe)

    def reset(self) -> None:
        """Forget what was sent: the connection is lost, and so is every confirm."""
        for refusal in self.refused.values():
            if refusal.probe:
                refusal.waiting.appendleft(refusal.probe)
                refusal.probe = None
        self._ready.clear()
        self._sent.clear()
        self._sent_bytes = self._single_file = 0
        self.forget()

    def busy_with(self, connector: str) -> bool:
        """Whether a message of a connector is ready, or sent and not confirmed."""
        return any(each.connector == connector for each in (*self._ready, *self._sent))

    def refused_to(self, connector: str) -> Destination | None:
        """Return a destination that refuses what comes from a connector; None where none does."""
        for destination, refusal in self.refused.items():
            held = (*refusal.waiting, *((refusal.probe,) if refusal.probe else ()))
            if any(each.connector == connector for each in held):
                return destination
        return None

    @property
    def _open(self) -> bool:
        if self._single_file:
            return not self._sent
        return self._sent_bytes < WINDOW_BYTES and len(self._sent) < WINDOW_MESSAGES

    def _send(
        self, pending: Pending, message: OutgoingMessage, now: float, *, probe: bool = False
    ) -> None:
        self._edges.sink.publish(message, (pending, message), probe=probe)
        self._sent[pending] = message, now
        self._sent_bytes += len(message.body)

    def _take_sent(self, pending: Pending) -> OutgoingMessage | None:
        """Take a message out of what was sent; None where it was overdue."""
        message, _ = self._sent.pop(pending, _LATE)
        if message:
            self._sent_bytes -= len(message.body)
        return message

    def _take_probe(self, pending: Pending) -> Refusal | None:
        """If a message was a probe, put it first in the queue again, and return its refusal."""
        for refusal in self.refused.values():
            if refusal.probe is pending:
                refusal.probe = None
                refusal.probe_at = self._clock() + refusal.pause
                refusal.waiting.appendleft(pending)
                return refusal
        return None

    def _refusal(self, message: OutgoingMessage) -> Refusal | None:
        if not self.refused:
            return None
        exact = Destination(message.exchange, message.routing_key)
        return self.refused.get(exact) or self.refused.get(Destination(message.exchange))

    def _probe(self, failed: list[tuple[Pending, Exception]], now: float) -> None:
        for destination, refusal in list(self.refused.items()):
            if refusal.probe or now < refusal.probe_at:
                continue
            if not refusal.waiting:
                del self.refused[destination]
                continue
            if refusal.reason in {Fate.UNROUTED.value, Fate.FORBIDDEN.value}:
                self._edges.redeclare()
            pending = refusal.waiting.popleft()
            if message := _made(pending, failed):
                refusal.probe = pending
                apart = refusal.reason == Fate.FORBIDDEN.value
                self._send(pending, message, now, probe=apart)

    def _refuse(
        self, pending: Pending, message: OutgoingMessage, reason: str, detail: str = ""
    ) -> None:
        """Charge a destination, and hold the message for it."""
        self.refusals += 1
        now = self._clock()
        whole = reason == Fate.FORBIDDEN.value and _TOPIC not in detail
        destination = Destination(message.exchange, None if whole else message.routing_key)
        probed = self._take_probe(pending)
        refusal = self.refused.get(destination)
        if refusal is None:
            refusal = self.refused[destination] = Refusal(reason, now, now + FIRST_PAUSE)
            _log.warning(
                "publish_refused", destination=str(destination), reason=reason,
                detail=detail, fix=FIXES[reason],
            )  # fmt: skip
        if probed is refusal:
            refusal.reason = reason
            refusal.pause = min(refusal.pause * 2, LONGEST_PAUSE)
            refusal.probe_at = now + refusal.pause
            return
        if probed:
            # refused differently from before, such as by its exchange instead of its queue
            probed.waiting.popleft()
        refusal.waiting.append(pending)

    def _reopen(self, pending: Pending, *, late: bool) -> None:
        """A message was confirmed: if its destination had refused it, send what waits for it."""
        for destination, refusal in list(self.refused.items()):
            if refusal.probe is pending or (late and pending in refusal.waiting):
                del self.refused[destination]
                _log.info(
                    "publish_resumed", destination=str(destination),
                    after=round(self._clock() - refusal.since, 1),
                )  # fmt: skip
                self._ready.extendleft(
                    each for each in reversed(refusal.waiting) if each is not pending
                )

    def _charge_overdue(self) -> None:
        now = self._clock()
        if self._edges.blocked:
            # the broker reads nothing: the time starts when it does again
            self._sent = {each: (message, now) for each, (message, _) in self._sent.items()}
            return
        overdue = []
        for pending, (message, at) in self._sent.items():
            if now - at <= self._confirm_timeout:
                break
            overdue.append((pending, message))
        for pending, message in overdue:
            self._take_sent(pending)
            self._single_file = max(0, self._single_file - 1)
            self._refuse(pending, message, UNCONFIRMED)


def _made(pending: Pending, failed: list[tuple[Pending, Exception]]) -> OutgoingMessage | None:
    try:
        return pending.message()
    except Exception as error:  # noqa: BLE001 - whatever a library raises costs this message alone
        failed.append((pending, error))
        return None
