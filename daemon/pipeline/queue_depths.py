"""How many messages and consumers every queue of ours has, counted every few seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from connectors.amqp import topology

if TYPE_CHECKING:
    from connectors.ports import Backlog, Edges
    from daemon.settings import Settings

_EVERY_SECONDS = 2.0


class QueueDepths:
    """The depth of each source queue, scoring queue, and of the parked and unrouted queues.

    Attributes:
        latest: By queue, of the last count; a queue that does not exist has no entry.
    """

    def __init__(self, settings: Settings) -> None:
        self._queues = [
            *(each.source_queue for each in settings.connectors),
            *(topology.scoring_queue(each.name).name for each in settings.models),
            topology.PARKED,
            topology.UNROUTED,
        ]
        self._counted = float("-inf")
        self.latest: dict[str, Backlog] = {}

    def count(self, edges: Edges) -> None:
        """Count again if it is time.

        Raises:
            Unavailable: The bus is lost.
        """
        now = time.monotonic()
        if now - self._counted < _EVERY_SECONDS:
            return
        self._counted = now
        found = {queue: edges.backlog(queue) for queue in self._queues}
        self.latest = {queue: backlog for queue, backlog in found.items() if backlog}
