"""What keeps a connector's deliveries from going on, and whether it still does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.pipeline.outgoing import Ping
from daemon.pipeline.pauses import ALARM, NO_WORKER, REFUSED_PUBLISH, Pause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.ports import Edges
    from daemon.pipeline.publisher import Publisher
    from daemon.pipeline.scorer import Scorer
    from daemon.pipeline.work import Item


class Causes:
    """Asks the bus, the workers and the destinations."""

    def __init__(self, edges: Edges, scorer: Scorer[Item], publisher: Publisher) -> None:
        self._edges = edges
        self._scorer = scorer
        self._publisher = publisher

    def find(self, connector: str, models: Sequence[str]) -> Pause | None:
        """Return the reason for which a connector should pause; None where none is known."""
        if self._edges.blocked:
            return Pause(ALARM)
        if destination := self._publisher.refused_to(connector):
            return Pause(REFUSED_PUBLISH, destination=destination)
        if alone := [model for model in models if not self._scorer.workers(model)]:
            return Pause(NO_WORKER, models=alone)
        return None

    def is_gone(self, pause: Pause, models: Sequence[str]) -> bool:
        """Whether the reason for a pause can be seen to be gone, without any delivery."""
        if pause.reason == NO_WORKER:
            return all(map(self._scorer.workers, models))
        if pause.reason == REFUSED_PUBLISH:
            return pause.destination not in self._publisher.refused
        if pause.reason != ALARM or self._edges.blocked:
            return False
        # a new connection is not blocked until it publishes
        if pause.ping is None:
            pause.ping = Ping()
            self._publisher.put(pause.ping)
        return pause.ping.safe
