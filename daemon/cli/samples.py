"""Sample messages for `tonebus try`: files, directories, standard input, a live queue."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from connectors.amqp.connection import body_of
from connectors.amqp.peek import peek
from connectors.delivery import Delivery
from daemon.checks import dry_run
from daemon.cli.publish import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daemon.settings import ConnectorSettings, Settings

_LINES = (".jsonl", ".ndjson")


class Sample(NamedTuple):
    """A message to try.

    Attributes:
        name: Where it comes from, as a person would say it.
        delivery: As if it had come from the connector's queue.
    """

    name: str
    delivery: Delivery


def bodies(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the body of every message in files and directories.

    `-` is standard input. A directory stands for all files below it, in the order of their names. A
    file that ends in `.jsonl` or `.ndjson` has a message on each line.

    Raises:
        click.UsageError: A file cannot be read.
    """
    for given in paths:
        if given == "-":
            yield "standard input", sys.stdin.buffer.read()
            continue
        path = Path(given)
        files = (
            sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        )
        for file in files:
            try:
                body = file.read_bytes()
            except OSError as error:
                raise click.UsageError(f"{file}: {error.strerror}") from error
            if file.suffix not in _LINES:
                yield str(file), body
                continue
            for number, line in enumerate(body.splitlines(), 1):
                if line.strip():
                    yield f"{file}:{number}", line


def in_queue(
    configuration: Settings, connector: ConnectorSettings, queue: str, limit: int
) -> Iterator[Sample]:
    """Yield the first messages of a queue, which stay there.

    Raises:
        Unavailable: RabbitMQ does not answer, or refuses it.
    """
    with closing(connect(configuration, "tonebus try")) as broker:
        found = peek(broker, queue, limit)
    for number, message in enumerate(found, 1):
        info = message.delivery_info
        yield Sample(
            f"{queue} {number}",
            Delivery(
                dry_run.NOBODY, 0, connector=connector.name, body=body_of(message),
                properties=message.properties, exchange=info["exchange"],
                routing_key=info["routing_key"], redelivered=bool(info["redelivered"]),
            ),
        )  # fmt: skip
