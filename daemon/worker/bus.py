"""How a worker meets RabbitMQ: it is let in when it starts, and Celery is set up to keep it in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import kombu
import structlog
import tenacity

from connectors.amqp import topology
from connectors.amqp.connection import Refused
from connectors.amqp.frames import tolerant
from connectors.errors import Misconfigured, Unavailable
from connectors.scoring import celery_app as scoring
from daemon.process import wiring
from daemon.worker import admission
from daemon.worker.replies import Replies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery import Celery

    from daemon.process.systemd import Supervisor
    from daemon.settings import Settings

_REPLY_SECONDS = 10
_ATTEMPT_SECONDS = 120
"""Until the next attempt to connect has ended, on every node; one that has not hangs."""
_log = structlog.get_logger(__name__)


def await_broker(settings: Settings, models: Sequence[str], supervisor: Supervisor) -> None:
    """Wait until RabbitMQ lets the worker in, and the queues of its requests are as they should be.

    Raises:
        Misconfigured: RabbitMQ refuses; it would do so again.
    """
    broker = wiring.broker(settings, f"tonebus worker {os.getpid()}")

    def attempt() -> None:
        try:
            broker.connect()
            wiring.prepare(settings, broker, topology.scoring(models))
        except Refused as refused:
            raise Misconfigured(f"{str(refused).rstrip('.')}. Fix: {refused.fix}") from refused
        finally:
            broker.close()

    def report(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        supervisor.starting(_ATTEMPT_SECONDS, f"waiting for RabbitMQ: {error}")
        _log.warning("bus_unavailable", error=str(error), next_in=round(state.upcoming_sleep, 1))

    supervisor.starting(_ATTEMPT_SECONDS, "connecting to RabbitMQ")
    tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable), wait=wiring.RECONNECT_PAUSES,
        before_sleep=report,
    )(attempt)  # fmt: skip


def celery_app(settings: Settings, models: Sequence[str]) -> Celery:
    """Return a worker's Celery application, without its task."""
    reached = settings.broker
    app = scoring.celery_app(reached.url, reached.tls, external=reached.external)
    app.conf.update(
        # Celery's own is minutes: so long a worker would wait for a connection that is dead
        broker_heartbeat=settings.broker.heartbeat,
        broker_connection_timeout=settings.broker.connect_timeout,
        # a channel that RabbitMQ closes would end the worker, and cost it its model
        broker_channel_error_retry=True,
        broker_transport_options={
            # closing a dead connection, Celery would wait for an answer for ever
            "read_timeout": _REPLY_SECONDS,
            # a message that py-amqp cannot read would end this worker, and then the next one
            "frame_handler": tolerant,
        },
        result_backend=f"{Replies.__module__}:{Replies.__name__}",
        task_queues=[scoring.celery_queue(model) for model in models],
    )
    admission.inflate_nothing()
    # Celery would declare an exchange `celery`, and bind our queue to it; requests need none
    app.amqp.default_exchange = kombu.Exchange("", type="direct")
    return app
