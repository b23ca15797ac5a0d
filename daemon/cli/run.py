"""`tonebus daemon | worker | api`: the processes that a supervisor runs."""

from __future__ import annotations

import sys

import click

from daemon import settings
from daemon.process import threads
from daemon.status import incidents
from daemon.telemetry import logs


@click.command()
def daemon() -> None:
    """Consume, ask for scores, publish tone events.

    Example: TONEBUS_CONFIG=/etc/tonebus/tonebus.toml tonebus daemon
    """
    from daemon.process import reloading  # noqa: PLC0415 - each process loads only what it runs

    _begin()
    sys.exit(reloading.run(settings.load))


@click.command()
@click.option("--model", default="", help="Which of the models to serve; the first by default.")
def worker(model: str) -> None:
    """Score texts with one model, as a Celery worker.

    Example: tonebus worker --model default
    """
    from daemon.worker import app as celery_worker  # noqa: PLC0415 - as above

    configuration = _begin()
    sys.exit(celery_worker.run(configuration, model or configuration.models[0].name))


@click.command()
def api() -> None:
    """Serve the status page and /predict over HTTP.

    Example: TONEBUS_API_PORT=8080 tonebus api
    """
    from daemon.cli import serving  # noqa: PLC0415 - as above

    configuration = _begin()
    serving.serve(configuration)


def _begin() -> settings.Settings:
    configuration = settings.load()
    logs.configure(configuration.log.format, configuration.log.level, incidents.remember)
    threads.end_with_any()
    return configuration
