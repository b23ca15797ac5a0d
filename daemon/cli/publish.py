"""`tonebus publish`: send texts to a connector's exchange, and wait until the broker has them."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING, BinaryIO

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from connectors.amqp import topology
from connectors.amqp.connection import Refused
from connectors.amqp.publisher import Sink
from connectors.errors import Misconfigured, Unavailable
from connectors.ports import Fate
from daemon import settings
from daemon.cli import templates, terminal
from daemon.process import wiring

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from connectors.amqp.connection import Broker
    from connectors.messages import OutgoingMessage
    from daemon.settings import Settings

WINDOW = 250
_CONFIRM_SECONDS = 30.0
_MAX_KEY_BYTES = 255


@click.command()
@click.argument("texts", nargs=-1)
@click.option("--file", "path", type=terminal.EXISTING, help="A file with one text on each line.")
@click.option("--connector", default="", help="Whose exchange to publish to; the first by default.")
@click.option("--routing-key", default="", help="One that the connector binds, by default.")
@click.option("--template", type=click.File("rb"),
              help="A sample message in JSON, with $text and $id in it.")  # fmt: skip
@click.option("--encoding", default="utf-8", show_default=True,
              help="Of the file, the standard input and the template.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the ids as JSON.")
def publish(
    texts: tuple[str, ...], path: Path | None, connector: str, routing_key: str,
    template: BinaryIO | None, encoding: str, *, as_json: bool,
) -> None:  # fmt: skip
    """Publish TEXTS, the lines of a file, or those of standard input, in the connector's shape.

    Example: tonebus publish --connector helpdesk "The parcel never came." "Lovely service!"
    """
    configuration = settings.load()
    chosen = configuration.connector(connector)
    lines = [*_arguments(texts)] or [*_lines(path, encoding)]
    if not lines:
        raise click.UsageError("nothing to publish: give texts, --file, or lines on stdin")
    if len(routing_key.encode(errors="surrogateescape")) > _MAX_KEY_BYTES:
        raise click.UsageError(f"--routing-key is longer than {_MAX_KEY_BYTES} bytes")
    sample = _decoded(template.read(), template.name, encoding) if template else ""
    messages = [
        templates.message(chosen, line, routing_key=routing_key, template=sample) for line in lines
    ]
    broker = connect(configuration, "tonebus publish")
    [subscription] = wiring.subscriptions(
        msgspec.structs.replace(configuration, connectors=(chosen,))
    )
    wiring.prepare(configuration, broker, topology.results(), subscription.topology)
    quiet = len(lines) <= WINDOW or not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("publishing", total=len(lines))
        ids = []
        for message_id in send(broker, messages):
            ids.append(message_id)
            progress.advance(task)
    broker.close()
    if as_json:
        terminal.print_json({"published": ids})
    else:
        click.echo(f"{len(ids)} published to {chosen.exchange}, confirmed")


def connect(configuration: Settings, name: str) -> Broker:
    """Connect to RabbitMQ, once; arguments as those of `wiring.broker`.

    Raises:
        Misconfigured: It refuses us; the message says what to do.
        Unavailable: It does not answer.
    """
    broker = wiring.broker(configuration, name)
    try:
        broker.connect()
    except Refused as refused:
        raise Misconfigured(f"{str(refused).rstrip('.')}. Fix: {refused.fix}") from None
    except Unavailable as error:
        if " Fix: " in str(error):
            raise
        raise Unavailable(
            f"{error}. Fix: is RabbitMQ running there, and is TONEBUS_BROKER_URL right?"
        ) from None
    return broker


FATES = {
    Fate.REFUSED: "a queue behind the exchange is full or failing",
    Fate.UNROUTED: "nothing is bound to the exchange for its routing key",
    Fate.FORBIDDEN: "the exchange is missing, or writing to it is not permitted",
    Fate.VOID: "the channel was closed",
}


def send(broker: Broker, messages: Iterable[OutgoingMessage]) -> Iterator[str]:
    """Publish messages and yield each one's message id once the broker has it.

    Raises:
        Unavailable: The broker was lost, or does not confirm.
    """
    sink: Sink[str] = Sink(broker)
    for each in messages:
        sink.publish(each, str(each.properties["message_id"]))
        while sink.unconfirmed >= WINDOW:
            yield from _confirmed(broker, sink)
    while sink.unconfirmed:
        yield from _confirmed(broker, sink)


def _confirmed(broker: Broker, sink: Sink[str]) -> Iterator[str]:
    deadline = time.monotonic() + _CONFIRM_SECONDS
    while not (outcomes := sink.outcomes()):
        if time.monotonic() > deadline:
            raise Unavailable(
                "RabbitMQ holds publishers back (memory or disk alarm)"
                if broker.blocked
                else f"RabbitMQ confirmed nothing in {_CONFIRM_SECONDS:g} s"
            )
        broker.wait(1.0)
    for message_id, fate, detail in outcomes:
        if fate is not Fate.CONFIRMED:
            raise Unavailable(f"RabbitMQ did not take a message: {detail or FATES[fate]}")
        yield message_id


def _arguments(texts: tuple[str, ...]) -> Iterator[str]:
    for number, text in enumerate(texts, 1):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"text {number} is not valid UTF-8") from None
        yield text


def _lines(path: Path | None, encoding: str) -> Iterator[str]:
    if path is None and sys.stdin.isatty():
        return
    content = path.read_bytes() if path else sys.stdin.buffer.read()
    text = _decoded(content, str(path or "the standard input"), encoding)
    # as files are read: other characters that Unicode counts among the line ends belong to a text
    yield from (line for line in re.split(r"\r\n|\r|\n", text) if line.strip())


def _decoded(content: bytes, name: str, encoding: str) -> str:
    try:
        # some editors begin a file with a byte order mark
        return content.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise click.UsageError(f"no encoding is named {encoding!r}") from None
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, start) + 1
        raise click.UsageError(
            f"{name}, line {line}: not {encoding}. Fix: say what it is, such as --encoding latin-1"
        ) from None
