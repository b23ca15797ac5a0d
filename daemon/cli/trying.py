"""`tonebus try`: what would become of a message, without a broker."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import msgspec
from rich.markup import escape

from connectors.events import event as envelope
from connectors.events.output import Output
from connectors.mapping import is_blank
from connectors.messages import Fault, Score
from daemon import settings
from daemon.checks import dry_run, identity
from daemon.cli import terminal
from daemon.cli.publish import find_connector
from daemon.cli.tail import COLOURS
from daemon.telemetry import logs

if TYPE_CHECKING:
    from connectors.delivery import Delivery
    from connectors.messages import Text
    from daemon.settings import ConnectorSettings, Settings


@click.command("try")
@click.argument("connector")
@click.argument("message", type=click.File("rb"))
@click.option("--routing-key", default=dry_run.ROUTING_KEY, show_default=True)
@click.option("--content-type", default="", help="As the publisher sets it; none by default.")
@click.option("--message-id", default="", help="AMQP message id.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="An AMQP header.")
@click.option("--no-score", is_flag=True, help="Only map; do not load the model.")
@click.option("--json", "as_json", is_flag=True, help="One object, for machines.")
def try_(
    connector: str, message: BinaryIO, routing_key: str, content_type: str, message_id: str,
    headers: tuple[str, ...], *, no_score: bool, as_json: bool,
) -> None:  # fmt: skip
    """Show what CONNECTOR makes of the file MESSAGE (- is standard input), and of its tone.

    No server is needed and nothing is published. Exits with 1 where the message, or a part of it,
    would be parked.

    Example: tonebus try helpdesk ticket.json --routing-key ticket.4711.commented
    """
    configuration = settings.load()
    logs.configure("console", "error")
    chosen = find_connector(configuration, connector)
    delivery = dry_run.delivery(
        chosen, message.read(), routing_key=routing_key, headers=_headers(headers),
        content_type=content_type, message_id=message_id,
    )  # fmt: skip
    outcome = dry_run.outcome(configuration, chosen, delivery)
    told: dict[str, Any] = {
        "connector": chosen.name,
        "skip": outcome.skip or None,
        "park": {"code": outcome.park, "detail": outcome.detail} if outcome.park else None,
        "texts": outcome.texts,
        "identity": [identity.known_by(each, chosen) or None for each in outcome.texts],
        "events": [],
    }
    try:
        if outcome.texts and not no_score:
            _score(configuration, chosen, delivery, told)
    finally:
        # the mapping is worth knowing also where there is no model to be loaded
        if as_json:
            click.echo(msgspec.json.encode(told).decode())
        else:
            _print(told)
    sys.exit(1 if told["park"] else 0)


def _headers(given: tuple[str, ...]) -> dict[str, str]:
    headers = dict(each.partition("=")[::2] for each in given)
    if not all(headers):
        raise click.UsageError("a header is written NAME=VALUE")
    return headers


def _score(
    configuration: Settings, connector: ConnectorSettings, delivery: Delivery, told: dict[str, Any]
) -> None:
    """Add the events that would be published."""
    # torch is slow to import, and mapping alone does not need it
    from daemon.model.scorer import ToneModel  # noqa: PLC0415

    model = ToneModel.load(configuration.model(connector.model))
    output = Output(connector.output_config())
    nothing = Score({}, 0)
    for text in told["texts"]:
        [result] = [nothing] if is_blank(text.content) else model.score([text.content])
        if isinstance(result, Fault):
            told["park"] = {"code": "poison", "detail": f"{result.code} {result.detail}".strip()}
            continue
        event = envelope.tone_event(
            delivery, text,
            envelope.event_id(connector.name, text),
            score=result, model=model.identity.model, cached=False,
            include_text=output.include_text, doubt=output.doubt,
        )  # fmt: skip
        message = output.message(event, delivery)
        told["events"].append(
            {"exchange": message.exchange, "routing_key": message.routing_key, "event": event}
        )


def _lost(text: Text) -> str:
    """Return what of a text is not scored."""
    removed = [f"{count} characters of {what}" for what, count in text.removed.items()]
    cut = "cut at its end; " if text.cut else ""
    return cut + f"removed {', '.join(removed)}" if removed else cut.rstrip("; ")


def _print(told: dict[str, Any]) -> None:
    console = terminal.console()
    if told["skip"]:
        console.print(
            f"[yellow]skipped[/]: {told['skip']}; acknowledged, and no event is published"
        )
    if park := told["park"]:
        console.print(f"[red]parked[/]: {park['code']}: {escape(park['detail'])}")
    for each, known in zip(told["texts"], told["identity"], strict=True):
        by = f"id {each.subject}, known by {known}" if known else "known by nothing"
        console.print(f"text {each.index}, {by}: {each.content!r}", markup=False)
        if lost := _lost(each):
            console.print(f"  {lost}", markup=False)
    if not all(told["identity"]):
        console.print(f"[yellow]warning[/]: {identity.NAMELESS}")
    for each in told["events"]:
        event = each["event"]
        colour = COLOURS.get(event.data.tone, "white")
        console.print(
            f"[{colour}]{event.data.tone}[/] {event.data.score:.2f}, to "
            f"{each['exchange']} with key {escape(each['routing_key'])}"
        )
        console.print(msgspec.json.format(msgspec.json.encode(event)).decode(), markup=False)
