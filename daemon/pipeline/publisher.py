"""Letters on their way out: ready, awaiting the broker's confirm, or refused for now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from connectors.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.ports import Edges
    from daemon.pipeline.work import Parcel

_RETRY_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Outbox:
    """Publishes what is ready and gives back what is safe.

    Attributes:
        refusals: How often the broker did not take a letter.
    """

    def __init__(self, confirm_timeout: float, clock: Callable[[], float]) -> None:
        """Start empty.

        Args:
            confirm_timeout: Seconds without any confirm after which the broker is taken for lost.
            clock: Monotonic seconds.
        """
        self._confirm_timeout = confirm_timeout
        self._clock = clock
        self._ready: list[Parcel] = []
        self._refused: list[Parcel] = []
        self._retry_at = 0.0
        self._confirmed_at = clock()
        self.refusals = 0

    def __len__(self) -> int:
        """Letters that are not with the broker yet."""
        return len(self._ready) + len(self._refused)

    def put(self, parcel: Parcel) -> None:
        """Have a letter sent."""
        self._ready.append(parcel)

    def send(self, edges: Edges) -> None:
        """Hand over all that is ready; what the broker refused, again after a pause."""
        if edges.blocked:
            return
        if self._refused and self._clock() >= self._retry_at:
            self._ready += self._refused
            self._refused.clear()
        if self._ready and not edges.sink.unconfirmed:
            # the wait for a confirm begins now, however long nothing was sent
            self._confirmed_at = self._clock()
        for parcel in self._ready:
            edges.sink.publish(parcel.letter, parcel)
        self._ready.clear()

    def confirmed(self, edges: Edges) -> list[Parcel]:
        """Take the parcels that the broker has confirmed since the last call.

        Raises:
            Unavailable: It confirmed nothing for too long, or a letter reached no queue.
        """
        outcomes = edges.sink.outcomes()
        now = self._clock()
        if outcomes or edges.blocked or not edges.sink.unconfirmed:
            self._confirmed_at = now
        elif now - self._confirmed_at > self._confirm_timeout:
            raise Unavailable(f"the broker confirmed nothing for {self._confirm_timeout:g} s")
        for parcel, safe in outcomes:
            if not safe:
                self._hold(parcel, now)
        return [parcel for parcel, safe in outcomes if safe]

    def clear(self) -> None:
        """Forget everything: what was not confirmed will be made again."""
        self._ready.clear()
        self._refused.clear()
        self._confirmed_at = self._clock()

    def _hold(self, parcel: Parcel, now: float) -> None:
        """Keep what the broker would not take: a full or failing queue must empty first."""
        self.refusals += 1
        if not self._refused:
            self._retry_at = now + _RETRY_SECONDS
            _log.warning(
                "publish_refused",
                exchange=parcel.letter.exchange,
                code=parcel.code,
                fix="a queue behind the exchange is full or failing: empty or mend it",
            )
        self._refused.append(parcel)
