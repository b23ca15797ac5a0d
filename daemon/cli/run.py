"""`tonebus daemon | worker | api`: the processes that a supervisor runs."""

from __future__ import annotations

import sys

import click

from daemon import settings
from daemon.process import threads, wiring
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
@click.option(
    "--model", "models", multiple=True,
    help="A model to serve, and once more for another; else those that connectors send texts to.",
)  # fmt: skip
def worker(models: tuple[str, ...]) -> None:
    """Score texts, as a Celery worker.

    Example: tonebus worker --model default
    """
    from daemon.worker import app as celery_worker  # noqa: PLC0415 - as above

    configuration = _begin()
    sys.exit(celery_worker.run(configuration, models or wiring.routed_models(configuration)))


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
