"""The past of one connector: a stream, a queue or a file, up to its end and no faster than told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from connectors.amqp import presence
from connectors.amqp.bookmark import Taken
from connectors.amqp.file import FileConsumer
from connectors.amqp.source import Source
from connectors.amqp.stream import StreamConsumer
from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from connectors.amqp.consumer import Consumer
    from connectors.amqp.subscription import Subscription
    from connectors.delivery import Delivery

_EMPTY_SECONDS = 3.0


@dataclass(slots=True)
class Past:
    """What is read again; it outlives its connections.

    Attributes:
        on_end: Called when all of it is settled.
        file: Read in place of a stream or queue.
        rate: Messages a second at most; 0 is no bound.
        wanted: Says of deliveries which are to be taken further; None where that cannot be known
            just now.
        total: Messages in all, those included that were settled in an earlier run.
        done: Those of them that are settled.
        passed_over: Those that were not wanted.
        ended: Whether all of it is settled.
    """

    on_end: Callable[[], object]
    file: Path | None = None
    rate: float = 0.0
    wanted: Callable[[Sequence[Delivery]], Sequence[bool] | None] | None = None
    total: int = 0
    done: int = 0
    passed_over: int = 0
    ended: bool = False


class PastSource(Source):
    """Deliveries of one connector's past."""

    def __init__(self, *args: Any, past: Past, **options: Any) -> None:  # noqa: ANN401 - the source's own
        super().__init__(*args, **options)
        self._past = past
        self._allowed, self._counted = 0.0, time.monotonic()
        self._brought = self._counted

    def start(
        self, connector: str, prefetch: int = 0, *, alone: bool = False, skip: bool = False
    ) -> None:
        """Start deliveries where the last run was.

        Raises:
            Misconfigured: Another process reads the same past.
            Refused: RabbitMQ allows no consumer.
        """
        subscription = self._subscriptions[connector]
        if not (subscription.stream or self._past.total):
            # before any of them is on its way to us
            found = presence.backlog(self._broker, subscription.source_queue)
            self._past.total = found.messages if found else 0
        try:
            super().start(connector, prefetch, alone=alone, skip=skip)
        except Taken:
            raise Misconfigured(
                f"messages of connector {connector!r} are being relabelled already. Fix: wait for "
                "the other `tonebus relabel`, or stop it"
            ) from None

    def arrived(self, limit: int) -> list[Delivery]:
        """Take deliveries, no more than the rate allows, and pass over what is not wanted."""
        past, now = self._past, time.monotonic()
        for each in self._all:
            if isinstance(each, FileConsumer):
                each.feed()
        if past.rate:
            self._allowed += (now - self._counted) * past.rate
            self._allowed = min(self._allowed, max(past.rate, 1.0))
            limit = min(limit, int(self._allowed))
        self._counted = now
        if not self._ordered:
            limit = min(limit, past.total - past.done - self.unsettled + self.waiting)
        taken = super().arrived(limit)
        if not taken:
            return taken
        self._brought = now
        if past.wanted:
            wanted = past.wanted(taken)
            if wanted is None:
                self._arrived.extendleft(reversed(taken))
                return []
            for delivery, is_wanted in zip(taken, wanted, strict=True):
                if not is_wanted:
                    past.passed_over += 1
                    delivery.ack()
            taken = [delivery for delivery, each in zip(taken, wanted, strict=True) if each]
        self._allowed -= len(taken)
        return taken

    def flush(self) -> None:
        """Acknowledge what was settled; where that was the last of it, say so."""
        before = self.unsettled
        super().flush()
        past = self._past
        if self._ordered:
            past.total = max((each.total for each in self._ordered), default=0)
            past.done = max((each.done for each in self._ordered), default=0)
            ended = all(each.finished for each in self._ordered)
        else:
            past.done += before - self.unsettled
            # others may take from a queue too
            empty = time.monotonic() - self._brought > _EMPTY_SECONDS
            ended = not self.unsettled and (past.done >= past.total or empty)
        if ended and self._consumers and not past.ended:
            past.ended = True
            past.on_end()

    def _reader(self, subscription: Subscription) -> Callable[..., StreamConsumer]:
        if not self._past.file:
            return StreamConsumer
        return partial(FileConsumer, path=self._past.file, exchange=subscription.exchange)

    @property
    def _all(self) -> list[Consumer]:
        return [each for consumers in self._consumers.values() for each in consumers]

    @property
    def _ordered(self) -> list[StreamConsumer]:
        """The readers that know their place; none of a queue."""
        return [each for each in self._all if isinstance(each, StreamConsumer)]
