"""One delivery at a time, over all connectors, until the one that is to blame is parked."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

import structlog

from connectors.amqp.connection import Garbled, Refused
from connectors.errors import Misconfigured, Unavailable
from daemon.pipeline import pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from connectors.ports import Edges

_QUIET_SECONDS = 0.1
_TURN_SECONDS = 0.5
_LONGEST_TURN_SECONDS = 1.5
_CLEAN_SECONDS = 2.0
_ALONE_FROM, _SKIP_FROM = 3, 6
_GIVE_UP_FROM = 3
_log = structlog.get_logger(__name__)


class Quarantine:
    """Lets connectors consume in turn, one message each.

    A delivery that ends connections, such as one in a frame that no parser reads, is redelivered
    and counted alone, until RabbitMQ's delivery limit parks it. The others flow in between; one
    that cannot go on is given back and counted too, but half as often, so that it is not parked.

    A stream has no such limit, and RabbitMQ may fail on one of its messages for ever. After a few
    connections that ended before the stream had brought anything, it is read alone, without the
    queue beside it; after as many more, its next message is passed over.

    A queue may end each connection on which it is consumed before RabbitMQ looks at a message, as a
    quorum queue without a leader does. Its connector is given up, so that the others can go on.

    Attributes:
        on: Whether it lasts: until each connector has had its turn on one connection.
    """

    def __init__(
        self, connectors: Sequence[str], edges: Edges, clock: Callable[[], float],
        give_up: Callable[[str, int], None],
    ) -> None:  # fmt: skip
        """Last no time yet; `give_up` is called with a connector that has to wait.

        Its second argument says how many starts more than the least have failed.
        """
        self._give_up = give_up
        self._order = deque(connectors)
        self._edges = edges
        self._clock = clock
        self._current: str | None = None
        self._suspect: str | None = None
        self._failed = Counter[str]()
        """Connections in a row that a connector's turn ended before it had a delivery."""
        self._unstarted = Counter[str]()
        """Connections in a row that a connector's start ended before there was a consumer."""
        self._turns = 0
        self._began = self._turn_began = 0.0
        self.on = False

    def begin(self, *, garbled: bool = False) -> None:
        """Begin, or go on: a connection was lost once more, perhaps over what the broker sent."""
        if not self.on:
            _log.warning("quarantine_started", connectors=list(self._order))
        self.on = True
        if self._current:
            if garbled and not self._edges.source.unsettled_of(self._current):
                self._failed[self._current] += 1
            else:
                del self._failed[self._current]
        # the connector whose turn it was may be guilty: it is tried twice, then after the others
        guilty, self._suspect = self._suspect, self._current
        if self._current is None or self._current == guilty:
            self._suspect = None
            self._order.rotate(-1)

    def start(self, startable: Collection[str]) -> None:
        self._began = self._clock()
        self._current = None
        self._turns = 0
        self._next(startable)

    def started(self, connector: str) -> None:
        """A connector consumes, here or while no quarantine lasts: its queue is well."""
        del self._unstarted[connector]

    def review(self, startable: Collection[str]) -> bool:
        """Give the next connector its turn when it is time; return whether it lasts."""
        now = self._clock()
        clean = now - self._began > _CLEAN_SECONDS and self._turns > len(startable)
        had = now - self._turn_began
        if self._current and self._edges.source.unsettled_of(self._current):
            # what was sent should be confirmed first, or it would be published twice
            if clean or had > _TURN_SECONDS:
                self._edges.source.cancel(self._current)
            if had < _LONGEST_TURN_SECONDS:
                return True
        if clean:
            self._end_turn()
            self.on = False
            _log.info("quarantine_ended")
            return False
        # RabbitMQ takes a moment until it fails on a message
        failed = self._current and self._failed[self._current]
        if had > (_LONGEST_TURN_SECONDS if failed else _QUIET_SECONDS):
            self._end_turn()
            self._order.rotate(-1)
            self._next(startable)
        return True

    def _end_turn(self) -> None:
        if self._current:
            # it may be found here only that the connection has ended
            self._edges.source.stop(self._current)
            del self._failed[self._current]

    def _next(self, startable: Collection[str]) -> None:
        self._turn_began = self._clock()
        self._turns += 1
        self._current = None
        for _ in range(len(self._order)):
            if self._order[0] in startable:
                break
            self._order.rotate(-1)
        else:
            return
        self._current = self._order[0]
        failed = self._failed[self._current]
        if failed >= _SKIP_FROM:
            self._failed[self._current] = _ALONE_FROM
        try:
            self._edges.source.start(
                self._current, 1, alone=failed >= _ALONE_FROM, skip=failed >= _SKIP_FROM
            )
        except (Misconfigured, Refused) as error:
            _log.warning(
                "consumer_refused", connector=self._order[0], error=str(error),
                fix=pauses.FIXES[pauses.REFUSED_CONSUMER],
            )  # fmt: skip
            self._current = None
        except Garbled:
            raise
        except Unavailable:
            self._unstarted[self._current] += 1
            if (more := self._unstarted[self._current] - _GIVE_UP_FROM) >= 0:
                self._give_up(self._current, more)
            raise
        else:
            self.started(self._current)
