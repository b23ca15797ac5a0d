"""The Celery worker as a process: it loads one model, and serves it until it is told to stop."""

from __future__ import annotations

import os
import socket
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING

import kombu
import structlog
import tenacity
from celery import signals

from connectors.amqp import topology
from connectors.amqp.connection import Refused
from connectors.amqp.transport import tolerant
from connectors.errors import Misconfigured, Unavailable
from connectors.scoring.celery_app import celery_queue
from daemon.process import wiring
from daemon.process.systemd import Supervisor
from daemon.telemetry import prometheus, tracing
from daemon.worker import requests
from daemon.worker.consumer import Connected, WorkerConsumer
from daemon.worker.pool import ForwardPool
from daemon.worker.report import WorkerReport
from daemon.worker.task import register, sheet_maker

if TYPE_CHECKING:
    from daemon.model.scorer import ToneModel
    from daemon.settings import ModelSettings, Settings

_REPLY_SECONDS = 10
_log = structlog.get_logger(__name__)


def run(settings: Settings, model_name: str) -> int:
    """Serve a model until told to stop; return the exit code.

    Raises:
        Misconfigured: RabbitMQ refuses the worker, or the model cannot be used.
    """
    model_settings = settings.model(model_name)
    tracer = tracing.start(settings.tracing, "worker")
    supervisor = Supervisor()
    _await_broker(settings, model_name, supervisor)
    supervisor.status(f"loading model {model_name}")
    model = _load(model_settings)
    # the name stands for this process alone, so that a daemon can tell three workers from one that
    # was started three times
    name = f"{model_name}-{uuid.uuid4().hex[:8]}@{socket.gethostname()}"
    app = wiring.celery(settings)
    report = WorkerReport(
        wiring.redis_store(settings),
        name=model_name,
        model=model.identity.model,
        device=str(model.device),
        threads=model_settings.threads or os.cpu_count() or 1,
    )
    register(app, sheet_maker(model, name, tracer), settings.daemon.score_timeout, report)

    @signals.setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery
    def keep_our_logs(**_: object) -> None:
        """Celery would otherwise install handlers of its own."""

    @signals.worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery
    def say_ready(**_: object) -> None:
        supervisor.ready(f"waiting for texts for {model_name}")
        _log.info(
            "worker_ready", worker=name, model=model_name,
            revision=model.identity.model.revision, device=str(model.device),
        )  # fmt: skip

    @signals.worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery
    def say_stopping(**_: object) -> None:
        supervisor.stopping(settings.daemon.score_timeout + 10, "finishing the batch in hand")

    # Celery's own is minutes: so long a worker would listen to a connection that is dead
    app.conf.broker_heartbeat = settings.broker.heartbeat
    # and closing one that is dead, Celery would wait for an answer for ever
    app.conf.broker_transport_options |= {"read_timeout": _REPLY_SECONDS}
    # a message that py-amqp cannot read would end this worker, and then the next one
    app.conf.broker_transport_options |= {"frame_handler": tolerant}
    requests.inflate_nothing()
    # Celery would declare an exchange `celery`, and bind our queue to it; requests need none
    app.amqp.default_exchange = kombu.Exchange("", type="direct")
    app.conf.task_queues = [celery_queue(model_name)]
    app.steps["consumer"].add(Connected)
    worker = app.Worker(
        hostname=name, pool=ForwardPool, concurrency=1, without_gossip=True, without_mingle=True,
        without_heartbeat=True, queues=[celery_queue(model_name).name], loglevel="WARNING",
        quiet=True,
        consumer_cls=partial(WorkerConsumer, supervisor=supervisor, line=lambda: report.line),
    )  # fmt: skip
    report.start()
    supervisor.feed()
    prometheus.serve(
        report.meter, settings.metrics.host, settings.metrics.port,
        healthy=lambda: supervisor.fed_in_time,
    )  # fmt: skip
    worker.start()
    tracer.close()
    _log.info("worker_stopped", worker=name)
    return int(worker.exitcode or 0)


def _await_broker(settings: Settings, model_name: str, supervisor: Supervisor) -> None:
    """Wait until RabbitMQ lets the worker in, and the queue of its requests is as it should be.

    Raises:
        Misconfigured: RabbitMQ refuses; it would do so again.
    """
    broker = wiring.broker(settings, f"tonebus worker {os.getpid()}")

    def attempt() -> None:
        try:
            broker.connect()
            wiring.prepare(settings, broker, topology.scoring([model_name]))
        except Refused as refused:
            raise Misconfigured(
                f"{refused}. Fix: check the user, password, virtual host and permissions"
            ) from refused
        finally:
            broker.close()

    def say(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        supervisor.status(f"waiting for RabbitMQ: {error}")
        _log.warning("bus_unavailable", error=str(error), next_in=round(state.upcoming_sleep, 1))

    tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable), wait=wiring.RECONNECT_PAUSES,
        before_sleep=say,
    )(attempt)  # fmt: skip


def _load(settings: ModelSettings) -> ToneModel:
    # torch is slow to import, and nobody else may pay for it
    from daemon.model.scorer import ToneModel  # noqa: PLC0415

    begun = time.perf_counter()
    model = ToneModel.load(settings)
    model.warm_up()
    _log.info("model_warmed", model=settings.name, seconds=round(time.perf_counter() - begun, 2))
    return model
