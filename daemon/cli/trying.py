"""`tonebus try`: what would become of messages, with nothing published."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click
import msgspec
from rich.markup import escape
from rich.table import Table

from connectors.events import event as envelope
from connectors.events.output import Output
from connectors.messages import Fault, Text, ToneEvent
from daemon import settings
from daemon.checks import dry_run, identity
from daemon.cli import terminal
from daemon.cli.local import LocalScorer
from daemon.cli.samples import Sample, bodies, in_queue
from daemon.cli.tail import COLOURS
from daemon.pipeline.routing import Routing, ServedModel
from daemon.process import wiring
from daemon.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings import ConnectorSettings, Settings

_LOOKED_AT = 20
_EXCERPT_CHARS = 60


class Parking(msgspec.Struct, frozen=True):
    """Why a message, or a part of it, would be parked."""

    code: str
    detail: str


class Sent(msgspec.Struct, frozen=True):
    """An event that would be published, and where."""

    exchange: str
    routing_key: str
    event: ToneEvent


class Tried(msgspec.Struct):
    """What would become of one message.

    Attributes:
        identity: What each text is known by when it comes again; null where by nothing.
    """

    message: str
    connector: str
    skip: str | None
    park: Parking | None
    texts: list[Text]
    identity: list[str | None]
    events: list[Sent] = []


@click.command("try")
@click.argument("connector")
@click.argument("messages", nargs=-1,
                type=click.Path(exists=True, allow_dash=True))  # fmt: skip
@click.option("--live", is_flag=True, help="Look at the messages in the connector's own queue.")
@click.option("--queue", default="", metavar="NAME", help="Look at the messages in another queue.")
@click.option("--limit", default=_LOOKED_AT, show_default=True, type=click.IntRange(1, 1000),
              help="Messages of a queue to look at.")  # fmt: skip
@click.option("--routing-key", default=dry_run.ROUTING_KEY, show_default=True)
@click.option("--content-type", default="", help="As the publisher sets it; none by default.")
@click.option("--message-id", default="", help="AMQP message id.")
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="An AMQP header.")
@click.option("--no-score", is_flag=True, help="Only map; do not load the model.")
@click.option("--json", "as_json", is_flag=True, help="One object for each message, for machines.")
def try_(
    connector: str, messages: tuple[str, ...], *, queue: str, limit: int,
    live: bool, no_score: bool, as_json: bool, **properties: Any,  # noqa: ANN401 - click's
) -> None:  # fmt: skip
    """Show what CONNECTOR makes of MESSAGES, and of their tone. Nothing is published.

    A message is a file; `-` is standard input, a directory stands for all files below it, and a
    file that ends in .jsonl has one message on each line. Of several messages a table is shown.

    With --live or --queue, the first messages of a queue are looked at, and given back. A quorum
    queue may put them behind others, and before RabbitMQ 4.3 counts a delivery of each.

    Exits with 1 where a message, or a part of it, would be parked.

    Example: tonebus try helpdesk ticket.json --routing-key ticket.4711.commented
    """
    if bool(messages) + bool(queue) + live != 1:
        raise click.UsageError("give MESSAGES, or --live, or --queue NAME")
    configuration = settings.load()
    logs.configure("console", "error")
    chosen = configuration.connector(connector)
    samples = (
        _in_files(chosen, messages, **properties)
        if messages
        else in_queue(configuration, chosen, queue or chosen.source_queue, limit)
    )
    found = [_mapped(configuration, chosen, each) for each in samples]
    try:
        if not no_score:
            _score(configuration, chosen, found)
    finally:
        # the mapping is worth knowing also where there is no model to be loaded
        tried = [each for each, _ in found]
        if as_json:
            for each in tried:
                terminal.print_json(each)
        elif len(tried) == 1:
            _print(tried[0])
        else:
            _print_table(tried)
    sys.exit(1 if any(each.park for each in tried) else 0)


def _in_files(
    connector: ConnectorSettings, paths: tuple[str, ...], *, headers: tuple[str, ...],
    **properties: str,
) -> Iterator[Sample]:  # fmt: skip
    given = dict(each.partition("=")[::2] for each in headers)
    if not all(given):
        raise click.UsageError("a header is written NAME=VALUE")
    for name, body in bodies(paths):
        yield Sample(name, dry_run.delivery(connector, body, headers=given, **properties))


def _mapped(
    configuration: Settings, connector: ConnectorSettings, sample: Sample
) -> tuple[Tried, Sample]:
    came = dry_run.outcome(configuration, connector, sample.delivery)
    tried = Tried(
        message=sample.name,
        connector=connector.name,
        skip=came.skip or None,
        park=Parking(came.park, came.detail) if came.park else None,
        texts=came.texts,
        identity=[identity.known_by(each, connector) or None for each in came.texts],
    )
    return tried, sample


def _score(
    configuration: Settings, connector: ConnectorSettings, found: list[tuple[Tried, Sample]]
) -> None:
    known = wiring.identities(configuration)
    scorer = LocalScorer(configuration, wiring.routing(configuration, connector, known))
    further = {
        name: LocalScorer(configuration, Routing([ServedModel(name, known[name])]))
        for name in connector.also
    }
    output = Output(connector.output, connector.doubt)
    for tried, sample in found:
        texts = [text.content for text in tried.texts]
        tags = [text.language for text in tried.texts]
        scored = scorer.score(texts, tags)
        also = {name: each.score(texts, tags) for name, each in further.items()}
        for place, (text, (choice, score)) in enumerate(zip(tried.texts, scored, strict=True)):
            if isinstance(score, Fault):
                tried.park = Parking("poison", f"{score.code} {score.detail}".strip())
                continue
            event = envelope.tone_event(
                sample.delivery, text, envelope.event_id(connector.name, text),
                score=score, model=choice.model.identity.model, cached=False,
                language=choice.language[:2], include_text=output.include_text,
                doubt=output.doubt,
                tones={
                    name: envelope.further_tone(each[place][1], known[name].model, text.content)
                    for name, each in also.items()
                },
            )  # fmt: skip
            message = output.message(event, sample.delivery)
            tried.events.append(Sent(message.exchange, message.routing_key, event))


def _lost(text: Text) -> str:
    """Return what of a text is not scored."""
    removed = [f"{count} characters of {what}" for what, count in text.removed.items()]
    cut = "cut at its end; " if text.cut else ""
    return cut + f"removed {', '.join(removed)}" if removed else cut.rstrip("; ")


def _print(tried: Tried) -> None:
    console = terminal.console()
    if tried.skip:
        console.print(f"[yellow]skipped[/]: {tried.skip}; acknowledged, and no event is published")
    if park := tried.park:
        console.print(f"[red]parked[/]: {park.code}: {escape(park.detail)}")
    for each, known in zip(tried.texts, tried.identity, strict=True):
        by = f"id {each.subject}, known by {known}" if known else "known by nothing"
        console.print(f"text {each.index}, {by}: {each.content!r}", markup=False)
        if lost := _lost(each):
            console.print(f"  {lost}", markup=False)
    if not all(tried.identity):
        console.print(f"[yellow]warning[/]: {identity.NAMELESS}")
    for sent in tried.events:
        data = sent.event.data
        colour = COLOURS.get(data.tone, "white")
        console.print(
            f"[{colour}]{data.tone}[/] {data.score:.2f}, to "
            f"{sent.exchange} with key {escape(sent.routing_key)}"
        )
        console.print(msgspec.json.format(msgspec.json.encode(sent.event)).decode(), markup=False)


def _print_table(tried: list[Tried]) -> None:
    """Print a line for each text, and for each message without one; then what they add up to."""
    table = Table("message", "becomes", "known by", "not scored", "text", box=None, pad_edge=False)
    counts: Counter[str] = Counter()
    for each in tried:
        tones = {sent.event.data.origin.index: sent.event.data for sent in each.events}
        for text, known in zip(each.texts, each.identity, strict=True):
            data = tones.get(text.index)
            becomes = f"{data.tone} {data.score:.2f}" if data else "a text"
            counts[data.tone if data else becomes] += 1
            table.add_row(
                terminal.escaped(each.message), becomes, known or "nothing", _lost(text),
                _cell(text.content[: _EXCERPT_CHARS + 1]),
            )  # fmt: skip
        if end := f"parked: {each.park.code}" if each.park else each.skip and "skipped":
            counts[end] += 1
            detail = each.park.detail if each.park else each.skip or ""
            table.add_row(terminal.escaped(each.message), end, "", "", _cell(detail))
    terminal.print_table(table)
    nameless = sum(not all(each.identity) for each in tried)
    added = ", ".join(f"{count} {what}" for what, count in counts.most_common())
    click.echo(f"{len(tried)} messages" + (f": {added}" if added else ""))
    if nameless:
        click.echo(f"warning: {nameless} of them have {identity.NAMELESS}")


def _cell(text: str) -> str:
    return terminal.escaped(text if len(text) <= _EXCERPT_CHARS else f"{text[:_EXCERPT_CHARS]}…")
