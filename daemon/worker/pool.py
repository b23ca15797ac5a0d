"""Where the model runs: one thread, beside the loop that keeps the connection to RabbitMQ."""

from __future__ import annotations

import os
from concurrent.futures import wait
from typing import TYPE_CHECKING

import structlog
from celery.concurrency.thread import TaskPool
from kombu.asynchronous import get_event_loop

from daemon.process.threads import EX_SOFTWARE

if TYPE_CHECKING:
    from concurrent.futures import Future

_LOOK_SECONDS = 0.1
_log = structlog.get_logger(__name__)


class ForwardPool(TaskPool):  # type: ignore[misc]  # Celery has no types
    """Celery's pool of threads, with a single one.

    The loop goes on during a forward, so heartbeats leave on time however long it takes, and the
    request is acknowledged at its end.
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._last: Future[object] | None = None

    def await_idle(self, seconds: float) -> bool:
        """Return whether no request is under way, or the last one ended within so many seconds."""
        if self._last is not None:
            wait([self._last], seconds)
        return self._last is None or self._last.done()

    def on_apply(self, *args: object, **kwargs: object) -> object:
        result = super().on_apply(*args, **kwargs)
        self._last = result.f
        result.f.add_done_callback(_end_if_it_failed)
        return result

    def on_stop(self) -> None:
        """Wait for the request in hand, with the connection kept alive."""
        while not self.await_idle(_LOOK_SECONDS):
            # gone where the consumer failed, and the connection with it
            if loop := get_event_loop():
                loop.fire_timers()
        super().on_stop()


def _end_if_it_failed(handled: Future[object]) -> None:
    """End the process where Celery itself failed on a request.

    A task's own errors end in its reply. What comes out here would leave the request
    unacknowledged for ever, and the worker without another one.
    """
    if not handled.cancelled() and (error := handled.exception()):
        _log.critical("request_lost", error=type(error).__name__, exc_info=error)
        os._exit(EX_SOFTWARE)
