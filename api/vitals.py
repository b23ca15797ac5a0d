"""Whether this process can still do its work: what probes and the supervisor ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    import asyncio

    from daemon.pipeline.predictor import Predictor

_log = structlog.get_logger(__name__)


class Vitals:
    """The health of the process, which is that of its loops, and of nothing that it stands on.

    RabbitMQ, Redis, workers and daemons may be away: a restart would fix none of them, and the
    page must be there to say so.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._watching: asyncio.Task[None] | None = None
        self._ill = False

    def begin(self, watching: asyncio.Task[None]) -> None:
        """All has started; `watching` keeps the status up."""
        self._watching = watching

    def end(self) -> None:
        """All is about to be ended on purpose."""
        self._watching = None

    @property
    def serving(self) -> bool:
        """Whether requests are answered: it has started, is not ending, and can do its work."""
        return self._watching is not None and not self.ailment()

    @property
    def fatal(self) -> bool:
        """Whether a part has ended by a fault of ours, so that only a new process can go on."""
        return self._predictor.died or bool(self._watching and self._watching.done())

    def ailment(self) -> str:
        """Say what is wrong with this process; empty where nothing is."""
        found = self._predictor.ailment()
        if not found and self._watching and self._watching.done():
            error = None if self._watching.cancelled() else self._watching.exception()
            found = f"the status is no longer kept up: {type(error).__name__}"
        if bool(found) != self._ill:
            self._ill = bool(found)
            if found:
                _log.error("api_unhealthy", error=found)
            else:
                _log.info("api_recovered")
        return found
