"""The task `score`: a thin shell around the models of a worker."""

from __future__ import annotations

import faulthandler
import os
import time
from typing import TYPE_CHECKING, Any

import structlog
from amqp.exceptions import AMQPError
from celery import states
from celery.exceptions import Ignore

from connectors.errors import Unavailable
from connectors.ports import NO_HEADERS
from connectors.scoring.protocol import LOST, TASK, BatchFailed, BatchResult
from daemon.process.threads import EX_SOFTWARE
from daemon.telemetry.tracer import Tracer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from celery import Celery

    from connectors.embedded.worker import Work
    from daemon.model.tone_model import ToneModel
    from daemon.worker.report import WorkerReport

_log = structlog.get_logger(__name__)


def result_maker(model: ToneModel, worker: str, tracer: Tracer | None = None) -> Work:
    """Return the whole work on one model's batch: texts in, the result with their scores out."""
    tracer = tracer or Tracer()

    def make(texts: Sequence[str], headers: Mapping[str, Any] = NO_HEADERS) -> BatchResult:
        begun = time.perf_counter()
        outcomes = tracer.score(model, texts, headers)
        return BatchResult.of(
            outcomes,
            worker=worker,
            model=model.identity.model,
            seconds=time.perf_counter() - begun,
            tones=model.tones,
        )

    return make


class InHand:
    """The request whose forward goes on, for who keeps the connection meanwhile."""

    def __init__(self) -> None:
        self.held: tuple[Any, Any] | None = None

    def report(self) -> None:
        """Tell the daemon that this worker still has it; RabbitMQ has given it to another one."""
        if self.held is None:
            return
        task, request = self.held
        try:
            task.backend.store_result(
                request.id, {"hostname": request.hostname}, states.STARTED, request=request
            )
        except AMQPError as error:
            _log.error("reply_not_sent", error=error.reply_text)


def register(
    app: Celery, served: Mapping[str, tuple[Work, WorkerReport]], timeout: float, in_hand: InHand
) -> None:
    """Add the task to a worker's Celery application.

    By the queue that a request came from, `served` has what does the work, and what counts it. A
    forward that takes longer than `timeout` seconds is taken to hang: that ends the process.
    """

    @app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]  # Celery has no types
    def score(task: Any, texts: list[str]) -> BatchResult:  # noqa: ANN401 - Celery
        if task.request.delivery_info.get("redelivered"):
            # it may be what ended the worker before: the daemon shall split it first
            _report(task, LOST)
            raise Ignore
        # Celery itself would say so before the check above, and a worker that only reports a loss
        # would pass for the one that had the request
        _report(task, states.STARTED, meta={"hostname": task.request.hostname})
        # a thread cannot be ended from outside: where a text hangs, the process ends, and the log
        # shows the line; the supervisor starts it again, and the daemon splits the batch
        faulthandler.dump_traceback_later(timeout, exit=True)
        in_hand.held = task, task.request
        make, report = served[task.request.delivery_info["routing_key"]]
        try:
            result = make(texts, task.request.headers or NO_HEADERS)
            report.scored(result)
        except Unavailable as error:
            # a fault in the reply would be charged to the text; so the request goes back to its
            # queue, and the supervisor starts a process that can use the GPU
            _log.critical("gpu_lost", error=str(error))
            os._exit(EX_SOFTWARE)
        except Exception as error:  # noqa: BLE001 - whatever it is, the daemon must know of it
            # the message of an error may quote the text, and Celery would log it
            report.failed(type(error).__name__)
            _log.error("batch_failed", texts=len(texts), error=type(error).__name__)
            raise BatchFailed(type(error).__name__) from None
        else:
            return result
        finally:
            in_hand.held = None
            faulthandler.cancel_dump_traceback_later()


def _report(task: Any, state: str, **more: object) -> None:  # noqa: ANN401 - Celery has no types
    """Tell the daemon how a request stands.

    Raises:
        Ignore: RabbitMQ takes no replies: the texts of the request have nothing to do with it.
    """
    for _ in range(2):
        try:
            task.update_state(state=state, **more)
        except AMQPError as error:
            # it may be about the reply before this one
            _log.error("reply_not_sent", error=error.reply_text)
        else:
            return
    raise Ignore
