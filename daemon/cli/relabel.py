"""`tonebus relabel`: the past under the model of now."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from connectors.amqp.stream import start_of
from daemon import settings
from daemon.cli.parked_filters import Rate
from daemon.cli.publish import connect
from daemon.cli.terminal import EXISTING, print_json
from daemon.process import relabeling
from daemon.process.relabeling import Job
from daemon.telemetry import logs

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.amqp.past import Past

_OWN = "sentiment."


@click.command()
@click.option("--connector", default="", help="Whose messages they are; the first by default.")
@click.option("--stream", default="", help="A stream; by default the one that the connector reads.")
@click.option("--queue", default="", help="A queue; its messages are taken out of it.")
@click.option("--file", "path", type=EXISTING, help="A file with one message on each line.")
@click.option("--from", "offset", default="first", show_default=True,
              help="Where to begin in a stream, as a connector's `offset`.")  # fmt: skip
@click.option(
    "--only",
    default="",
    metavar="REVISION",
    help="Only what this revision of a model has labelled, by what Redis remembers; not with "
    "--queue.",
)
@click.option("--rate", type=Rate(), help="Messages a second at most.")
@click.option("--json", "as_json", is_flag=True, help="One object at the end, for machines.")
def relabel(
    connector: str, stream: str, queue: str, path: Path | None, offset: str, only: str,
    *, rate: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Label the messages of a connector again, by the model of now, while others work.

    Each event has the id that it had, so that a consumer which inserts or updates by id replaces
    the old label. Workers are left to live traffic while that keeps them busy. The end is what a
    stream or a queue holds when this starts. Interrupted, it goes on where it was when it is run
    again.

    Example: tonebus relabel --connector comments --from 2026-11-01T00:00:00Z --rate 200
    """
    configuration = settings.load()
    chosen = configuration.connector(connector)
    if not (stream or queue or path) and chosen.offset != "":
        stream = chosen.queue
    if sum(map(bool, (stream, queue, path))) != 1:
        raise click.UsageError("give one of --stream, --queue and --file")
    if queue and only:
        raise click.UsageError(
            "--only does not go with --queue: messages that it passes over would be lost. Leave "
            "--only out, or read a stream or a file"
        )
    if (stream or queue).startswith(_OWN):
        raise click.UsageError(f"{stream or queue} holds what is Tonebus's own")
    begin = int(offset) if offset.isdecimal() else offset
    try:
        start_of(begin)
    except ValueError:
        raise click.BadParameter(
            f"{offset!r} is neither first, last, next, a time by ISO 8601 nor a number",
            param_hint="--from",
        ) from None
    logs.configure("console", "warning")
    job = Job(
        connector=chosen, stream=stream, queue=queue, file=path and path.resolve(),
        offset=begin, only=only, rate=rate or 0.0,
    )  # fmt: skip
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("relabelling", total=None)

        def show(past: Past) -> None:
            bar.update(task, total=past.total or None, completed=past.done)

        connection = functools.partial(connect, configuration, "tonebus relabel")
        done = relabeling.run(configuration, job, connection, show)
    if as_json:
        print_json(done)
    else:
        click.echo(
            f"{done.done} of {done.total} messages: {done.events} events, {done.known} texts that "
            f"had their label, {done.skipped} skipped, {done.parked} parked"
            + (f", {done.passed_over} that {only} has not labelled" if only else "")
        )
    if not done.ended:
        raise click.ClickException("stopped before the end; run it again to go on from there")
