"""`tonebus demo`: the main job on fifty messages, on real servers where they answer."""

from __future__ import annotations

import statistics
import sys
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.markup import escape

from connectors.errors import TonebusError, Unavailable
from connectors.messages import OutgoingMessage, ToneEvent
from daemon import settings
from daemon.cli import demo_stages
from daemon.cli.demo_messages import MESSAGES
from daemon.cli.tail import COLOURS
from daemon.telemetry import logs

if TYPE_CHECKING:
    from daemon.cli.demo_stages import Stage
    from daemon.settings import Settings

_PAUSE_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running, and say how to stop it.")
def demo(*, keep: bool) -> None:
    """Run the whole of Tonebus on some fifty customer messages, and print each tone event.

    RabbitMQ and Redis are used where they answer on the configured URLs; where they do not,
    everything runs inside this one process.

    Example: tonebus demo
    """
    configuration = settings.load()
    logs.configure("console", "error")
    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(f"models   {', '.join(each.source for each in configuration.models)}")
    with _stage(configuration, console, keep=keep) as stage:
        console.print(f"status   {stage.status_url}\n")
        _perform(stage, console)
        if keep:
            stage.leave(console)


def _stage(configuration: Settings, console: Console, *, keep: bool) -> Stage:
    found, missing = demo_stages.servers(configuration)
    if not missing:
        console.print(f"servers  {found}, Redis")
        return demo_stages.RealStage(configuration, keep=keep)
    for reason in missing:
        console.print(f"servers  {escape(reason)}")
    console.print("         so everything runs embedded in this one process, without servers")
    return demo_stages.EmbeddedStage(configuration)


def _perform(stage: Stage, console: Console) -> None:
    """Publish every message and print its event."""
    asked: dict[str, tuple[float, str]] = {}
    events: list[tuple[ToneEvent, float]] = []

    def show(body: bytes) -> None:
        try:
            event = msgspec.json.decode(body, type=ToneEvent)
        except msgspec.MsgspecError:
            # another publisher's message need not be an event
            return
        if event.subject in asked:
            sent, text = asked.pop(event.subject)
            milliseconds = (time.monotonic() - sent) * 1000
            events.append((event, milliseconds))
            console.print(_line(event, text, milliseconds))

    stage.listen(show)
    console.print("[bold]tone      score          ms       text[/]")
    begun = time.monotonic()
    for routing_key, text in MESSAGES:
        message_id = uuid.uuid4().hex
        asked[message_id] = (time.monotonic(), text)
        stage.publish(
            OutgoingMessage(
                stage.exchange,
                routing_key,
                msgspec.json.encode({"id": message_id, "text": text}),
                {"content_type": "application/json", "message_id": message_id},
            )
        )
        stage.wait(_PAUSE_SECONDS)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while asked:
        if time.monotonic() > deadline:
            raise Unavailable(f"{len(asked)} of {len(MESSAGES)} events did not come")
        stage.wait(1.0)
    _summarise(events, time.monotonic() - begun, console)


def _line(event: ToneEvent, text: str, milliseconds: float) -> str:
    data = event.data
    colour = COLOURS.get(data.tone, "bright_black")
    cached = "cached" if data.cached else "      " if data.tone == "none" else "scored"
    return (
        f"[{colour}]{data.tone:<8}[/]  {data.score:.2f}  {cached}  {milliseconds:>5.0f}  "
        f"{data.language or '':<3}  {escape(text.strip() or '(nothing but spaces)')}"
    )


def _summarise(events: list[tuple[ToneEvent, float]], seconds: float, console: Console) -> None:
    if len(events) != len(MESSAGES):
        raise TonebusError(f"{len(events)} events for {len(MESSAGES)} messages")
    tones = Counter(event.data.tone for event, _ in events)
    cached = sum(event.data.cached for event, _ in events)
    models = {event.data.model for event, _ in events if event.data.scores}
    console.print(
        f"\n{len(MESSAGES)} messages, {len(events)} events in {seconds:.1f} s: "
        + ", ".join(f"{count} {tone}" for tone, count in tones.most_common())
        + f"\n{cached} repeats from the cache, median "
        f"{statistics.median(milliseconds for _, milliseconds in events):.0f} ms from publish to "
        "event\nscored by "
        + " and ".join(sorted(f"{model.name}, revision {model.revision}" for model in models))
    )
