"""Celery's consumer, which also shows that its loop runs, and waits for RabbitMQ in our way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import structlog
from amqp.exceptions import AccessRefused, AMQPError, ChannelError
from celery import bootsteps
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from connectors.errors import BadInput
from daemon.worker import admission

if TYPE_CHECKING:
    from collections.abc import Callable

    from daemon.process.systemd import Supervisor
    from daemon.worker.task import InHand

_PULSE_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_MAX_RETRY_SECONDS = 10.0
_log = structlog.get_logger(__name__)


class WorkerConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Takes requests for the models of this worker while its forward thread is free."""

    def __init__(
        self, *args: object, supervisor: Supervisor, in_hand: InHand, line: Callable[[], str],
        **kwargs: object,
    ) -> None:  # fmt: skip
        """Take what Celery's consumer takes, a supervisor, and what tells how the worker is."""
        self._supervisor = supervisor
        self._in_hand = in_hand
        self._line = line
        super().__init__(*args, **kwargs)

    def pulse(self) -> None:
        """Say that the loop goes on."""
        self._supervisor.feed()
        self._supervisor.status(self._line())

    def connected(self) -> None:
        """Start on a new connection."""
        # nobody listens to the connection for replies: it may have died with the one before this
        # one, and would swallow a reply
        with self.app.pool.acquire(block=True) as replies:
            replies.collect()
        self.pulse()
        self._supervisor.can_work = True
        self.timer.call_repeatedly(_PULSE_SECONDS, self.pulse)

    def create_task_handler(self, *args: object, **kwargs: object) -> Callable[[Any], None]:
        handle = super().create_task_handler(*args, **kwargs)

        def receive(message: Any) -> None:  # noqa: ANN401 - kombu has no types
            try:
                admission.admit(message)
            except BadInput as error:
                self._refuse(message, error.detail)
            else:
                handle(message)

        return receive

    def on_decode_error(self, message: Any, exc: Exception) -> None:  # noqa: ANN401 - as above
        """Refuse a message that kombu cannot make."""
        self._refuse(message, type(exc).__name__)

    def _refuse(self, message: Any, why: str) -> None:  # noqa: ANN401 - as above
        _log.warning("request_refused", reason=why)
        self.call_soon_ack(message.reject_log_error, _log, self.connection_errors)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Connect again; where RabbitMQ has closed the channel, with a pause.

        It answers, and may do the same again at once.
        """
        if isinstance(exc, ChannelError):
            _log.warning(
                "channel_closed", error=exc.reply_text, fix=_fix(exc), next_in=_MAX_RETRY_SECONDS
            )
            self._supervisor.status(f"RabbitMQ closed the channel: {exc.reply_text}")
            self._in_hand.report()
        super().on_connection_error_after_connected(exc)
        if isinstance(exc, ChannelError):
            self._sleep(_MAX_RETRY_SECONDS)

    def ensure_connected(self, conn: Any) -> Any:  # noqa: ANN401
        """Wait for the forward in hand, if any, and for RabbitMQ.

        A consumer that is connected gets a request, which would wait behind that forward.
        """
        while not self.pool.await_idle(_PULSE_SECONDS):
            self.pulse()
            maybe_shutdown()
        while True:
            try:
                return conn.ensure_connection(
                    self._say_unavailable, None, interval_start=_RETRY_SECONDS,
                    interval_step=_RETRY_SECONDS, interval_max=_MAX_RETRY_SECONDS,
                    callback=maybe_shutdown,
                )  # fmt: skip
            except AMQPError as refusal:
                # RabbitMQ accepted the worker when it started, so this is likely to be fixed
                self._say_unavailable(refusal, _MAX_RETRY_SECONDS)
                conn.maybe_switch_next()
                self._sleep(_MAX_RETRY_SECONDS)

    def _say_unavailable(self, error: Exception, interval: float) -> None:
        # only a broker that does not even refuse the connection starves the watchdog
        if not isinstance(error, TimeoutError):
            self._supervisor.feed()
        self._supervisor.can_work = False
        self._supervisor.status(f"waiting for RabbitMQ: {error}")
        _log.warning("bus_unavailable", error=str(error), next_in=round(interval, 1))

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            maybe_shutdown()
            time.sleep(_PULSE_SECONDS)


def _fix(closed: ChannelError) -> str:
    """Return what to do where RabbitMQ has closed the channel of a worker."""
    if isinstance(closed, AccessRefused):
        return "check the permissions of the worker's user"
    if "acknowledgement" in (closed.reply_text or ""):
        return (
            "a forward took longer than RabbitMQ waits: raise its consumer_timeout over "
            "daemon.score_timeout"
        )
    return "see RabbitMQ's log; the worker connects again by itself"


class Connected(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Starts what each connection needs; what it puts on the timer goes with the connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: WorkerConsumer) -> None:
        parent.connected()
