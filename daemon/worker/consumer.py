"""Celery's consumer under a watchdog: fed by its own loop, so that a task that hangs starves it.

And without a pause of Celery's: an acknowledgement leaves when its task is done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from celery import bootsteps
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Celery

    from daemon.process.systemd import Supervisor

_PULSE_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_MAX_RETRY_SECONDS = 10.0
_TASK_MARGIN_SECONDS = 15.0
_log = structlog.get_logger(__name__)


def watch(
    app: Celery, supervisor: Supervisor, task_seconds: float, line: Callable[[], str]
) -> type[Consumer]:
    """Have the watchdog fed, and the status told, from the consumer's loop.

    The pool is solo: a task runs inside the loop, and while it runs nobody feeds.

    Args:
        app: The worker's Celery application.
        supervisor: Whose watchdog it is; it is made to wait for the longest task.
        task_seconds: How long a task may take.
        line: Says how it is.

    Returns:
        The consumer's class, for the worker.
    """
    supervisor.allow(task_seconds + _TASK_MARGIN_SECONDS)

    def pulse() -> None:
        supervisor.feed()
        supervisor.status(line())

    class Pulse(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, parent: Any) -> None:  # noqa: ANN401
            # the timer forgets it together with the connection, and starts it with the next one
            pulse()
            parent.timer.call_repeatedly(_PULSE_SECONDS, pulse)

    class Patient(Consumer):  # type: ignore[misc]  # Celery has no types
        def ensure_connected(self, conn: Any) -> Any:  # noqa: ANN401
            """Wait for the broker; only one that does not even refuse us starves the watchdog."""

            def say(error: Exception, interval: float) -> None:
                if not isinstance(error, TimeoutError):
                    supervisor.feed()
                supervisor.status(f"waiting for RabbitMQ: {error}")
                _log.warning("bus_unavailable", error=str(error), next_in=round(interval, 1))

            return conn.ensure_connection(
                say, None, interval_start=_RETRY_SECONDS, interval_step=_RETRY_SECONDS,
                interval_max=_MAX_RETRY_SECONDS, callback=maybe_shutdown,
            )  # fmt: skip

        def call_soon_ack(self, settle: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401
            """Acknowledge or reject at once, for a solo pool's task ran in this very thread.

            Celery leaves it to kombu's loop, which may first sleep until its next timer, a second
            away; until then RabbitMQ holds back the worker's next request.
            """
            return settle(*args)

    app.steps["consumer"].add(Pulse)
    return Patient
