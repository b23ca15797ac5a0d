"""`tonebus parked`: what could not be labelled, and what to do about it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from connectors.parking.parked_queue import Shelf, summary
from daemon import settings
from daemon.cli.parked_filters import Filter, filters, shown_age
from daemon.cli.publish import connect
from daemon.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.amqp.connection import Broker
    from connectors.parking.parked_queue import Entry

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
    with _shelf() as (_, shelf):
        depth = shelf.depth
        for each in chosen.of(shelf):
            seen += 1
            if as_json:
                click.echo(msgspec.json.encode(summary(each)).decode())
                continue
            table.add_row(
                each.key, each.code, each.connector, _plain(each.routing_key),
                shown_age(each.age), str(each.replays), str(len(each.body)), _plain(each.detail),
            )  # fmt: skip
    if not as_json:
        if seen:
            Console(highlight=False, soft_wrap=not sys.stdout.isatty(), markup=False).print(table)
        click.echo(f"{seen} shown of {depth} parked")


@parked.command()
@click.argument("key")
@click.option("--body", is_flag=True, help="Show the body too; it holds the text.")
@click.option("--json", "as_json", is_flag=True, help="One object, for machines.")
def show(key: str, *, body: bool, as_json: bool) -> None:
    """Show one parked message by its KEY, as `parked list` gives it.

    Example: tonebus parked show 5f0c1b2a9e --body
    """
    with _shelf() as (_, shelf):
        found = next((each for each in shelf if each.key.startswith(key)), None)
    if found is None:
        raise click.ClickException(f"no parked message has the key {key!r}; see `parked list`")
    data = summary(found) | {"properties": found.properties}
    if body:
        data["body"] = found.body.decode(errors="backslashreplace")
    encoded = msgspec.json.encode(data, enc_hook=str)
    click.echo((encoded if as_json else msgspec.json.format(encoded)).decode())


@parked.command()
@filters()
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Messages a second.")
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay(chosen: Filter, *, rate: float | None, dry_run: bool, yes: bool) -> None:
    """Send parked messages back to the queue that they came from.

    Each leaves the parking queue only once the broker has confirmed it there, so this may be
    interrupted at any moment. Its replays are counted, and it is parked again where nothing was
    mended.

    Example: tonebus parked replay --reason no-text-field --connector helpdesk --dry-run
    """
    _go_through(chosen, "replayed", Shelf.replay, rate=rate, dry_run=dry_run, yes=yes)


@parked.command()
@filters()
@click.option("--dry-run", is_flag=True, help="Only say what would be thrown away.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(chosen: Filter, *, dry_run: bool, yes: bool) -> None:
    """Throw parked messages away for good.

    Example: tonebus parked purge --older-than 30d --dry-run
    """
    _go_through(chosen, "purged", Shelf.drop, rate=None, dry_run=dry_run, yes=yes)


def _go_through(
    chosen: Filter, done: str, act: Callable[[Shelf, Entry], None],
    *, rate: float | None, dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    count = 0
    with _shelf() as (broker, shelf):
        if not (dry_run or yes):
            click.confirm(
                f"{shelf.depth} messages are parked; those {chosen} will be {done}. Go on?",
                abort=True,
            )
        quiet = shelf.depth < _PROGRESS_FROM
        try:
            with Progress(console=Console(stderr=True), disable=quiet) as progress:
                task = progress.add_task(done, total=chosen.limit or shelf.depth)
                for each in chosen.of(shelf):
                    if not dry_run:
                        act(shelf, each)
                        if rate:
                            broker.wait(1 / rate)
                    count += 1
                    progress.advance(task)
        finally:
            click.echo(f"{count} {'would be ' if dry_run else ''}{done}, of {shelf.depth} parked")


@contextmanager
def _shelf() -> Iterator[tuple[Broker, Shelf]]:
    configuration = settings.load()
    logs.configure("console", "error")
    broker = connect(configuration, "tonebus parked", tolerant=True)
    try:
        shelf = Shelf(broker)
        yield broker, shelf
        shelf.close()
    finally:
        broker.close()


def _plain(text: str) -> str:
    """Escape what could drive a terminal: keys and details come from outside."""
    return text if text.isprintable() else text.encode("unicode_escape").decode()
