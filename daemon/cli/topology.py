"""`tonebus topology`: what should be at the broker, and what is."""

from __future__ import annotations

import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import click
import msgspec

from connectors.amqp import topology as bus
from connectors.amqp.nodes import nodes
from daemon import settings
from daemon.checks import topology_diff
from daemon.cli.publish import connect
from daemon.cli.terminal import print_json
from daemon.contract import rabbitmq_definitions
from daemon.process import wiring
from daemon.telemetry import logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.amqp.connection import Broker
    from connectors.amqp.topology import Topology
    from daemon.checks.topology_diff import Finding

_COLOURS = {"missing": "yellow", "different": "red", "unknown": "red"}
_COMMANDS = {
    "rabbitmqadmin": rabbitmq_definitions.rabbitmqadmin,
    "rabbitmqadmin-v2": rabbitmq_definitions.rabbitmqadmin_v2,
}


@click.group()
def topology() -> None:
    """Exchanges, queues and bindings: plan, apply, verify or export them.

    Example: tonebus topology plan
    """


@topology.command()
@click.option("--json", "as_json", is_flag=True, help="One object, for machines.")
def plan(*, as_json: bool) -> None:
    """Say what `apply` would declare, and what prevents it; nothing is changed.

    Example: tonebus topology plan
    """
    _compare(as_json=as_json)


@topology.command()
@click.option("--json", "as_json", is_flag=True, help="One object, for machines.")
def verify(*, as_json: bool) -> None:
    """Look whether all that is relied on is there; exits with 1 where it is not.

    Example: tonebus topology verify --json
    """
    sys.exit(0 if _compare(as_json=as_json) else 1)


@topology.command()
def apply() -> None:
    """Declare what is missing; what exists and agrees stays as it is.

    Example: tonebus topology apply
    """
    with _broker() as (broker, parts):
        bus.apply(broker, *parts)
    things = sum(len(part.exchanges) + len(part.queues) for part in parts)
    click.echo(f"{things} exchanges and queues are in place, with their bindings")


@topology.command()
@click.option("--format", "form", type=click.Choice(["definitions", *_COMMANDS]),
              default="definitions", show_default=True)  # fmt: skip
def export(form: str) -> None:
    """Print what is relied on, for those who may declare it; no broker is needed.

    "rabbitmqadmin-v2" is for the rabbitmqadmin of RabbitMQ 4.3, which is a program of its own.

    Example: tonebus topology export > tonebus.json && rabbitmqctl import_definitions tonebus.json
    """
    configuration = settings.load()
    parts = wiring.topology(configuration)
    vhost = nodes(configuration.broker.url)[0].vhost
    if commands := _COMMANDS.get(form):
        for line in commands(parts, vhost):
            click.echo(line)
    else:
        print_json(rabbitmq_definitions.definitions(parts, vhost), indented=True)


@contextmanager
def _broker() -> Iterator[tuple[Broker, list[Topology]]]:
    configuration = settings.load()
    logs.configure("console", "error")
    with closing(connect(configuration, "tonebus topology")) as broker:
        yield broker, wiring.topology(configuration)


def _compare(*, as_json: bool) -> bool:
    """Print what should be at the broker and what is; return whether they agree."""
    with _broker() as (broker, parts):
        found = list(topology_diff.findings(broker, *parts))
    if as_json:
        told = [
            msgspec.structs.asdict(each) | {"good": each.good, "fix": each.fix} for each in found
        ]
        print_json({"things": told})
    else:
        _print(found, parts)
    return all(each.good for each in found)


def _print(found: list[Finding], parts: list[Topology]) -> None:
    for each in found:
        state = click.style(f"{each.state:<8}", fg=_COLOURS.get(each.state, "green"))
        click.echo(f"{state} {each.kind} {each.name}")
        for one in each.differences:
            click.echo(f"         {one.name}: wanted {one.wanted!r}, found {one.found!r}")
        if each.detail:
            click.echo(f"         the broker said: {each.detail}")
        if each.fix and each.state != "missing":
            click.echo(f"         Fix: {each.fix}")
    missing = sum(each.state == "missing" for each in found)
    if missing:
        click.echo(f"{missing} missing. Fix: `tonebus topology apply`, or `topology export`")
    bindings = sum(len(part.bindings) for part in parts)
    click.echo(f"{bindings} bindings cannot be seen over AMQP; `apply` declares them again")
