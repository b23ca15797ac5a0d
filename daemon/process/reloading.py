"""A daemon over its whole life: one service after the other, a new one at each reload."""

from __future__ import annotations

import gc
import os
from functools import partial
from typing import TYPE_CHECKING

import structlog

from connectors.errors import Misconfigured
from daemon.process import wiring
from daemon.process.service import serving
from daemon.process.signals import Signals
from daemon.process.systemd import Supervisor
from daemon.settings.changes import restarts
from daemon.status.reporter import Reporter
from daemon.telemetry import prometheus, tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.amqp.subscription import Subscription
    from daemon.settings import Settings

_log = structlog.get_logger(__name__)


def run(load: Callable[[], Settings]) -> int:
    """Run a daemon until it is told to stop; return the exit code.

    Settings are loaded again on SIGHUP. Those that cannot be read, or cannot work, are refused, and
    the daemon goes on under the old ones.

    Raises:
        Misconfigured: The first settings cannot work.
    """
    signals = Signals(load, Supervisor())
    signals.listen()
    settings, proven = load(), None
    started = settings
    tracer = tracing.start(settings.tracing, "daemon")
    reporter = Reporter()
    prometheus.serve(
        reporter.registry, settings.metrics.host, settings.metrics.port,
        healthy=lambda: signals.supervisor.fed_in_time, ready=lambda: signals.supervisor.can_work,
    )  # fmt: skip
    # what lives as long as the process is never searched for cycles again
    gc.collect()
    gc.freeze()
    while not signals.stop:
        try:
            name, read = f"tonebus daemon {os.getpid()}", _consumed(settings)
            edges, store = wiring.rabbit(settings, name, read), wiring.redis_store(settings)
            with serving(settings, edges, store, signals, reporter, tracer) as service:
                # only now is it known that they can work
                new = proven is not None and settings is not proven
                service.run(partial(_announce, started, settings) if new else None)
        except Misconfigured as error:
            if proven is None:
                raise
            signals.refuse(error)
            settings = proven
            continue
        proven = settings
        if signals.settings:
            settings, signals.settings = signals.settings, None
    tracer.close()
    reporter.enter("stopped")
    reporter.tick()
    _log.info("daemon_stopped")
    return 0


def _announce(started: Settings, settings: Settings) -> None:
    _log.info(
        "settings_reloaded", connectors=[each.name for each in settings.connectors],
        **{f"restart_{process}_for": names for process, names
           in restarts(started, settings).items()},
    )  # fmt: skip


def _consumed(settings: Settings) -> list[Subscription]:
    if not settings.connectors:
        raise Misconfigured(
            "connectors: none is given, and a daemon has nothing to consume. Fix: leave "
            "`connectors` out: then it is the one that reads sentiment.input"
        )
    return wiring.subscriptions(settings)
