"""The Celery worker as a process: it loads its models, and serves them until it is told to stop."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import time
import uuid
import warnings
from functools import partial
from typing import TYPE_CHECKING

import structlog
from celery import signals
from celery.exceptions import CPendingDeprecationWarning

from connectors.amqp import topology
from daemon.process import wiring
from daemon.process.systemd import Supervisor
from daemon.telemetry import prometheus, tracing
from daemon.telemetry.registry import Registry
from daemon.worker import bus
from daemon.worker.celery_consumer import Connected, WorkerConsumer
from daemon.worker.pool import ForwardPool
from daemon.worker.report import WorkerReport
from daemon.worker.task import InHand, register, result_maker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

    from connectors.embedded.worker import Work
    from daemon.model.tone_model import ToneModel
    from daemon.settings import ModelSettings, Settings

_LOADING_SECONDS = 600
"""A model that takes longer to load, from a hub perhaps, hangs."""
_log = structlog.get_logger(__name__)


def run(settings: Settings, models: Sequence[str]) -> int:
    """Serve models until a signal stops the process; return the exit code.

    Raises:
        Misconfigured: RabbitMQ refuses the worker, or a model cannot be used.
    """
    chosen = [settings.model(each) for each in models]
    tracer = tracing.start(settings.tracing, "worker")
    supervisor, registry = Supervisor(), Registry()
    prometheus.serve(
        registry, settings.metrics.host, settings.metrics.port,
        healthy=lambda: supervisor.fed_in_time, ready=lambda: supervisor.can_work,
    )  # fmt: skip
    bus.await_broker(settings, models, supervisor)
    # the name is that of this process alone, so that a daemon can tell three workers from one that
    # was started three times
    name = f"{models[0]}-{uuid.uuid4().hex[:8]}@{socket.gethostname()}"
    app = bus.celery_app(settings, models)
    store = wiring.redis_store(settings)
    served: dict[str, tuple[Work, WorkerReport]] = {}
    facts: list[dict[str, str]] = []
    for each in chosen:
        supervisor.starting(_LOADING_SECONDS, f"loading model {each.name}")
        model = _load(each)
        report = WorkerReport(
            store,
            name=each.name,
            model=model.identity.model,
            device=str(model.device),
            precision=(model.precision.precision, model.precision.why),
            threads=each.threads or os.cpu_count() or 1,
            registry=registry,
        )
        made = result_maker(model, name, tracer)
        served[topology.scoring_queue(each.name).name] = (made, report)
        facts.append({
            "model": each.name, "revision": model.identity.model.revision,
            "device": str(model.device), "precision": model.precision.precision,
        })  # fmt: skip
    in_hand = InHand()
    register(app, served, settings.daemon.score_timeout, in_hand)
    told = {key: ",".join(each[key] for each in facts) for key in facts[0]}
    _follow(supervisor, settings.daemon.score_timeout, {"worker": name, **told})
    app.steps["consumer"].add(Connected)
    reports = [report for _, report in served.values()]
    worker = app.Worker(
        hostname=name, queues=[*served], pool=ForwardPool,
        concurrency=1, without_gossip=True, without_mingle=True, without_heartbeat=True,
        loglevel="WARNING", quiet=True,
        consumer_cls=partial(
            WorkerConsumer, supervisor=supervisor, in_hand=in_hand,
            line=lambda: "; ".join(each.line for each in reports),
        ),
    )  # fmt: skip
    for report in reports:
        report.start()
    supervisor.feed()
    # at each lost connection Celery warns of a change to come; it has just asked to see that always
    warnings.simplefilter("ignore", CPendingDeprecationWarning)
    worker.start()
    tracer.close()
    _log.info("worker_stopped", worker=name)
    return int(worker.exitcode or 0)


def _follow(supervisor: Supervisor, longest: float, facts: dict[str, str]) -> None:
    """Tell the supervisor when the worker is ready, and log the facts, and when it stops."""

    @signals.setup_logging.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery
    def keep_our_logs(**_: object) -> None:
        """Celery would otherwise install handlers of its own."""

    @signals.worker_ready.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery
    def report_ready(**_: object) -> None:
        _stop_at_interrupt()
        supervisor.ready(f"waiting for texts for {facts['model']}")
        _log.info("worker_ready", **facts)

    @signals.worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]  # Celery
    def report_stopping(**_: object) -> None:
        supervisor.stopping(longest + 10, "finishing the batch in hand")


def _stop_at_interrupt() -> None:
    """Have Ctrl-C stop the worker as SIGTERM does, and a second one end it at once."""
    stop = signal.getsignal(signal.SIGTERM)

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if callable(stop):
            stop(number, frame)

    signal.signal(signal.SIGINT, interrupt)


def _load(settings: ModelSettings) -> ToneModel:
    # torch is slow to import, and nobody else may pay for it
    from daemon.model import lean  # noqa: PLC0415

    lean.import_torch()
    from daemon.model.tone_model import ToneModel  # noqa: PLC0415

    begun = time.perf_counter()
    model = ToneModel.load(settings, measure=True)
    model.warm_up()
    with contextlib.suppress(AttributeError):
        # of what loading took, glibc would keep some hundred megabytes that nobody uses any more
        ctypes.CDLL(None).malloc_trim(0)
    # a search for cycles in torch and the model would hold a batch up for a fifth of a second
    gc.freeze()
    _log.info("model_warmed", model=settings.name, seconds=round(time.perf_counter() - begun, 2))
    return model
