"""`tonebus tail`: print tone events as they come."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import click
import msgspec

from connectors.amqp import topology
from connectors.amqp.connection import body_of
from connectors.events.output import BINARY_PREFIX
from connectors.messages import SOURCE_PREFIX, ToneEvent
from connectors.parking.entry import entry, summary
from daemon import settings
from daemon.cli import terminal
from daemon.cli.publish import connect
from daemon.cli.terminal import escaped
from daemon.process import wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.amqp.connection import Broker
    from connectors.parking.entry import ParkedMessage

_NO_EVENT = (msgspec.MsgspecError, TypeError, ValueError, RecursionError)
"""What a message that is none of ours may raise: it is in no shape that anybody promised."""

COLOURS = {"negative": "red", "neutral": "yellow", "positive": "green"}


@click.command()
@click.option("--connector", default="", help="Only events of this connector.")
@click.option("--tone", default="", help="Only events of this tone, such as negative.")
@click.option("--binding", default="#", show_default=True,
              help="Only routing keys such as '*.negative' or 'helpdesk.#'.")  # fmt: skip
@click.option("--parked", is_flag=True, help="Show messages as they are parked instead.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many.")
@click.option("--json", "as_json", is_flag=True, help="One object on each line, for machines.")
def tail(
    connector: str, tone: str, binding: str, *, parked: bool, count: int | None, as_json: bool
) -> None:
    """Print tone events as they come; nothing is taken away from other consumers.

    Example: tonebus tail --connector helpdesk --tone negative
    """
    configuration = settings.load()
    chosen = [configuration.connector(connector)] if connector else configuration.connectors
    exchanges = list(dict.fromkeys(each.output.exchange for each in chosen))
    broker = connect(configuration, "tonebus tail")
    wiring.prepare(configuration, broker, topology.results(exchanges))
    console = terminal.console()
    seen = 0

    def show(line: str | None) -> None:
        nonlocal seen
        if line is not None:
            seen += 1
            click.echo(line) if as_json else console.print(line)

    def show_event(message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        try:
            body = structured(message)
            event = msgspec.json.decode(body, type=ToneEvent)
        except _NO_EVENT as error:
            click.echo(f"passed over: {_foreign(message, error)}", err=True)
            return
        wanted = connector in {"", event.source.removeprefix(SOURCE_PREFIX)} and tone in {
            "",
            event.data.tone,
        }
        # an event is one line, however its publisher has laid it out
        line = msgspec.json.format(body, indent=-1).decode() if as_json else _line(event)
        show(line if wanted else None)

    def show_parked(message: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        found = entry(message)
        shown = msgspec.json.encode(summary(found)).decode() if as_json else _parked_line(found)
        show(shown if connector in {"", found.connector} else None)

    # shown out here: within a callback a closed pipe would look like a lost connection
    arrived: deque[Any] = deque()
    for exchange in [topology.PARKED] if parked else exchanges:
        subscribe(broker, exchange, "#" if parked else binding, arrived.append)
    try:
        while count is None or seen < count:
            broker.wait(1.0)
            while arrived and seen != count:
                (show_parked if parked else show_event)(arrived.popleft())
    except KeyboardInterrupt:
        click.echo(f"{seen} seen", err=True)
    broker.close()


def listen(broker: Broker, show: Callable[[bytes], None]) -> None:
    """Have `show` called with each event, in structured mode, however it came."""
    subscribe(broker, topology.RESULTS, "#", lambda message: show(structured(message)))


def subscribe(broker: Broker, exchange: str, binding: str, show: Callable[[Any], None]) -> None:
    """Have `show` called with each message, from a queue that ends with the connection."""
    channel = broker.channel()
    queue = broker.attempt(channel.queue_declare, "", exclusive=True).queue
    broker.attempt(channel.queue_bind, queue, exchange, binding)
    broker.attempt(channel.basic_consume, queue, no_ack=True, callback=show)


def structured(message: Any) -> bytes:  # noqa: ANN401 - py-amqp has no types
    """Return an event as one JSON document, in whichever mode it was published."""
    body = body_of(message)
    headers = message.properties.get("application_headers") or {}
    attributes = {
        name.removeprefix(BINARY_PREFIX): value
        for name, value in headers.items()
        if name.startswith(BINARY_PREFIX)
    }
    if not attributes:
        return body
    data = {"datacontenttype": "application/json", "data": msgspec.Raw(body)}
    return msgspec.json.encode(attributes | data)


def _foreign(message: Any, error: Exception) -> str:  # noqa: ANN401 - py-amqp has no types
    """Say which message is no tone event; its body is a stranger's, and not shown."""
    came = message.delivery_info
    return (
        f"no tone event, but {len(message.body)} bytes ({type(error).__name__}) "
        f"from exchange {terminal.plain(came['exchange'])} "
        f"with key {terminal.plain(came['routing_key'])}"
    )


def _parked_line(found: ParkedMessage) -> str:
    return (
        f"[red]{escaped(found.code):<14}[/] {escaped(found.connector)}  "
        f"{escaped(found.routing_key)}  {found.key}  {escaped(found.detail)}"
    )


def _line(event: ToneEvent) -> str:
    data = event.data
    colour = COLOURS.get(data.tone, "white")
    cached = "cached" if data.cached else "scored"
    return (
        f"[{colour}]{escaped(data.tone):<8}[/] {data.score:.2f}  {cached}  {escaped(event.time)}  "
        f"{escaped(event.source.rpartition('/')[2])}  {escaped(event.subject or '-')}"
    )
