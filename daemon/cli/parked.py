"""`tonebus parked`: what could not be labelled, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from connectors.parking import entry
from connectors.parking.parked_queue import ParkedQueue, Unreadable, drop_unreadable
from daemon import settings
from daemon.cli.parked_filters import Filter, Rate, filters, shown_age
from daemon.cli.publish import connect
from daemon.cli.terminal import plain, print_json, print_table
from daemon.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.parking.entry import ParkedMessage
    from daemon.settings import Settings

_LISTED = 100
_PROGRESS_FROM = 100


@click.group()
def parked() -> None:
    """List, show, replay or purge parked messages.

    Example: tonebus parked list --reason json --newer-than 2h
    """


@parked.command("list")
@filters(default_limit=_LISTED)
@click.option("--json", "as_json", is_flag=True, help="One object on each line, for machines.")
def list_(chosen: Filter, *, as_json: bool) -> None:
    """List parked messages, the oldest first; nothing is taken away.

    Example: tonebus parked list --connector helpdesk
    """
    table = Table("key", "reason", "connector", "routing key", "parked", "replays", "bytes",
                  "detail", box=None, pad_edge=False)  # fmt: skip
    seen = 0
    with _opened() as (_, queue):
        try:
            for each in chosen.of(queue):
                seen += 1
                if as_json:
                    print_json(entry.summary(each))
                    continue
                table.add_row(
                    each.key, plain(each.code), plain(each.connector), plain(each.routing_key),
                    shown_age(each.age), str(each.replays), str(len(each.body)), plain(each.detail),
                )  # fmt: skip
        finally:
            # where one cannot be read, the others are shown all the same
            if not as_json:
                if seen:
                    print_table(table)
                click.echo(f"{seen} shown of {queue.depth} parked")


@parked.command()
@click.argument("key")
@click.option("--body", is_flag=True, help="Show the body too; it holds the text.")
@click.option("--json", "as_json", is_flag=True, help="One object, for machines.")
def show(key: str, *, body: bool, as_json: bool) -> None:
    """Show one parked message by its KEY, as `parked list` gives it.

    Example: tonebus parked show 5f0c1b2a9e --body
    """
    with _opened() as (_, queue):
        found = next((each for each in queue if each.key.startswith(key)), None)
    if found is None:
        raise click.ClickException(f"no parked message has the key {key!r}; see `parked list`")
    data = entry.summary(found) | {"properties": entry.plain(found.properties)}
    if body:
        data["body"] = found.body.decode(errors="backslashreplace")
    print_json(data, indented=not as_json)


@parked.command()
@filters()
@click.option("--rate", type=Rate(), help="Messages a second.")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay(chosen: Filter, *, rate: float | None, dry_run: bool, yes: bool) -> None:
    """Send parked messages back to the queues of their connectors, as the settings name them.

    Each leaves the parked queue only once the broker has confirmed it there, so this may be
    interrupted at any moment. Its replays are counted, and it is parked again where nothing was
    repaired. Messages of connectors that the settings do not know stay where they are.

    Example: tonebus parked replay --reason no-text-field --connector helpdesk --dry-run
    """
    _go_through(chosen, "replayed", _replay, rate=rate, dry_run=dry_run, yes=yes)


@parked.command()
@filters()
@click.option("--unreadable", is_flag=True, help="Only those that RabbitMQ cannot hand over.")
@click.option("--dry-run", is_flag=True, help="Only say what would be thrown away.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(chosen: Filter, *, unreadable: bool, dry_run: bool, yes: bool) -> None:
    """Throw parked messages away for good.

    Example: tonebus parked purge --older-than 30d --dry-run
    """
    if unreadable:
        _purge_unreadable(dry_run=dry_run, yes=yes)
        return
    _go_through(chosen, "purged", _purge, rate=None, dry_run=dry_run, yes=yes)


_Act = Callable[["Settings", ParkedQueue, "ParkedMessage"], bool]
"""Does what is to be done with a message, and returns whether it could be."""


def _replay(configuration: Settings, queue: ParkedQueue, each: ParkedMessage) -> bool:
    queues = {connector.name: connector.source_queue for connector in configuration.connectors}
    if own := queues.get(each.connector):
        queue.replay(each, own)
    return own is not None


def _purge(_configuration: Settings, queue: ParkedQueue, each: ParkedMessage) -> bool:
    queue.drop(each)
    return True


def _go_through(
    chosen: Filter, done: str, act: _Act, *, rate: float | None, dry_run: bool, yes: bool
) -> None:
    count = 0
    left: set[str] = set()
    with _opened() as (configuration, queue):
        if not (dry_run or yes):
            click.confirm(
                f"{queue.depth} messages are parked; those {chosen} will be {done}. Go on?",
                abort=True,
            )
        quiet = queue.depth < _PROGRESS_FROM
        due = time.monotonic()
        try:
            with Progress(console=Console(stderr=True), disable=quiet) as progress:
                task = progress.add_task(done, total=chosen.limit or queue.depth)
                for each in chosen.of(queue):
                    progress.advance(task)
                    if not dry_run and not act(configuration, queue, each):
                        left.add(each.connector)
                        continue
                    count += 1
                    if rate and not dry_run:
                        # never sooner to make up for lost time: a rate is an upper bound
                        due = max(due + 1 / rate, time.monotonic())
                        queue.sleep_until(due)
        finally:
            click.echo(f"{count} {'would be ' if dry_run else ''}{done}, of {queue.depth} parked")
    if left:
        raise click.ClickException(
            f"messages of {', '.join(map(plain, sorted(left)))} stay parked: no connector here "
            "has that name. Fix: run this with the settings that have it, or purge them"
        )


def _purge_unreadable(*, dry_run: bool, yes: bool) -> None:
    """Throw away what keeps everything behind it from being read, one after the other."""
    count = 0
    while (before := _first_unreadable()) is not None:
        if dry_run:
            raise Unreadable(before)
        if not yes:
            click.confirm(f"What stands behind {before} messages is purged. Go on?", abort=True)
        with closing(connect(settings.load(), "tonebus parked")) as broker:
            count += drop_unreadable(broker, before)
    click.echo(f"{count} purged that could not be read")


def _first_unreadable() -> int | None:
    try:
        with _opened() as (_, queue):
            for _ in queue:
                pass
    except Unreadable as unreadable:
        return unreadable.before
    return None


@contextmanager
def _opened() -> Iterator[tuple[Settings, ParkedQueue]]:
    configuration = settings.load()
    logs.configure("console", "error")
    with closing(connect(configuration, "tonebus parked")) as broker:
        queue = ParkedQueue(broker)
        yield configuration, queue
        queue.close()
