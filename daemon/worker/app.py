"""The Celery worker: one task, `score`, a thin shell around one model."""

from __future__ import annotations

import faulthandler
import os
import socket
import time
import uuid
from typing import TYPE_CHECKING, Any

import kombu
import msgspec
import structlog
from celery import bootsteps, signals
from celery.exceptions import Ignore

from connectors.ports import NO_HEADERS
from connectors.scoring.celery_app import celery_queue
from connectors.scoring.protocol import LOST, TASK, Sheet, liveness_queue
from daemon.process import wiring
from daemon.process.systemd import Supervisor
from daemon.telemetry import prometheus, tracing
from daemon.telemetry.tracing import Tracer
from daemon.worker.consumer import watch
from daemon.worker.report import WorkerReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from celery import Celery

    from connectors.embedded.worker import Work
    from daemon.model.scorer import ToneModel
    from daemon.settings import ModelSettings, Settings

_REPLY_SECONDS = 10
_log = structlog.get_logger(__name__)


def sheet_maker(model: ToneModel, worker: str, tracer: Tracer | None = None) -> Work:
    """Return the whole work of a worker: texts in, the sheet with their scores out."""
    tracer = tracer or Tracer()

    def make(texts: Sequence[str], headers: Mapping[str, Any] = NO_HEADERS) -> Sheet:
        begun = time.perf_counter()
        verdicts = tracer.score(model, texts, headers)
        return Sheet.of(
            verdicts,
            worker=worker,
            model=model.identity.model,
            seconds=time.perf_counter() - begun,
            tones=model.tones,
        )

    return make


def run(settings: Settings, model_name: str) -> int:
    """Serve a model until told to stop; return the exit code.

    Raises:
        Misconfigured: The model cannot be used.
    """
    model_settings = settings.model(model_name)
    tracer = tracing.start(settings.tracing, "worker")
    supervisor = Supervisor()
    supervisor.status(f"loading model {model_name}")
    model = _load(model_settings)
    name = f"{model_name}-{uuid.uuid4().hex[:8]}@{socket.gethostname()}"
    app = wiring.celery(settings)
    report = WorkerReport(
        wiring.redis_store(settings),
        name=model_name,
        model=model.identity.model,
        device=str(model.device),
        threads=model_settings.threads or os.cpu_count() or 1,
    )
    _register(app, sheet_maker(model, name, tracer), settings.daemon.score_timeout, report)
    _announce_liveness(app, name)

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
    # Celery would declare an exchange `celery`, and bind our queue to it; requests need none
    app.amqp.default_exchange = kombu.Exchange("", type="direct")
    app.conf.task_queues = [celery_queue(model_name)]
    worker = app.Worker(
        hostname=name, pool="solo", concurrency=1, without_gossip=True, without_mingle=True,
        without_heartbeat=True, queues=[celery_queue(model_name).name], loglevel="WARNING",
        quiet=True,
        consumer_cls=watch(app, supervisor, settings.daemon.score_timeout, lambda: report.line),
    )  # fmt: skip
    report.start()
    prometheus.serve(report.meter, settings.metrics.host, settings.metrics.port)
    worker.start()
    tracer.close()
    _log.info("worker_stopped", worker=name)
    return int(worker.exitcode or 0)


def _load(settings: ModelSettings) -> ToneModel:
    # torch is slow to import, and nobody else may pay for it
    from daemon.model.scorer import ToneModel  # noqa: PLC0415

    begun = time.perf_counter()
    model = ToneModel.load(settings)
    model.warm_up()
    _log.info("model_warmed", model=settings.name, seconds=round(time.perf_counter() - begun, 2))
    return model


def _register(
    app: Celery,
    make: Work,
    timeout: float,
    report: WorkerReport,
) -> None:
    @app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]  # Celery has no types
    def score(task: Any, texts: list[str]) -> dict[str, Any] | list[Any]:  # noqa: ANN401 - Celery
        if task.request.delivery_info.get("redelivered"):
            # it may be what ended the worker before: the daemon shall split it first
            task.update_state(state=LOST)
            raise Ignore
        # a solo pool has no time limit: without this a text that hangs would hold the worker for
        # ever; the supervisor starts it again, and the daemon splits the batch
        faulthandler.dump_traceback_later(timeout, exit=True)
        try:
            sheet = make(texts, task.request.headers or NO_HEADERS)
            report.scored(sheet)
            return msgspec.to_builtins(sheet)  # type: ignore[no-any-return]
        except Exception as error:  # noqa: BLE001 - whatever it is, the daemon must hear of it
            # the message of an error may quote the text, and Celery would log it
            report.failed(type(error).__name__)
            _log.error("batch_failed", texts=len(texts), error=type(error).__name__)
            raise BatchFailed(type(error).__name__) from None
        finally:
            faulthandler.cancel_dump_traceback_later()


class BatchFailed(Exception):  # noqa: N818 - a name that Celery puts into the reply
    """A batch came to nothing; the daemon splits it and tries again."""


def _announce_liveness(app: Celery, name: str) -> None:
    """Keep a queue that vanishes with our connection: it tells the daemons that we live."""

    class Liveness(bootsteps.ConsumerStep):  # type: ignore[misc]  # Celery has no types
        def get_consumers(self, channel: Any) -> list[kombu.Consumer]:  # noqa: ANN401
            # we have just connected anew: the connection for replies, which nobody listens to,
            # may have died with the old one, and would swallow them
            with app.pool.acquire(block=True) as replies:
                replies.collect()
            queue = kombu.Queue(
                liveness_queue(name), exclusive=True, durable=False, auto_delete=True,
                max_length=1,
            )  # fmt: skip
            return [kombu.Consumer(channel, [queue], callbacks=[_ignore], no_ack=True)]

    app.steps["consumer"].add(Liveness)


def _ignore(_body: object, _message: object) -> None:
    pass
