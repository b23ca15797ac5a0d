"""`tonebus connectors`: ready connectors, and how one gets into the settings."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

import click
import msgspec
from rich.table import Table

from connectors.errors import Misconfigured
from daemon import catalogue
from daemon.checks import suggestion
from daemon.cli import terminal
from daemon.process import wiring
from daemon.settings.loading import read


@click.group()
def connectors() -> None:
    """List, show or add ready connectors, for messages as well-known systems send them.

    Example: tonebus connectors add zendesk tonebus.toml
    """


@connectors.command("list")
@click.option("--json", "as_json", is_flag=True, help="One object on each line, for machines.")
def list_(*, as_json: bool) -> None:
    """List the ready connectors, and when the shape of each was compared with public examples.

    Example: tonebus connectors list
    """
    table = Table("name", "system", "reads", "compared", box=None, pad_edge=False)
    for each in catalogue.entries():
        if as_json:
            terminal.print_json(each)
        table.add_row(each.name, each.system, each.reads, each.compared)
    if not as_json:
        terminal.print_table(table)


@connectors.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the connector NAME as TOML, with its tests.

    Example: tonebus connectors show slack
    """
    click.echo(_find(name).toml, nl=False)


@connectors.command()
@click.argument("name")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--as", "own", default="", metavar="NAME", help="Its name here; NAME by default.")
@click.option("--exchange", default="", help="Where your messages of it are published.")
@click.option("--binding", "bindings", multiple=True, help="Routing-key pattern; may be repeated.")
def add(name: str, file: Path | None, own: str, exchange: str, bindings: tuple[str, ...]) -> None:
    """Append the connector NAME to the settings in FILE, or in the one TONEBUS_CONFIG names.

    What is in the file stays as it is; a file that is not there is made. Nothing is written
    where the settings would not be good.

    Example: tonebus connectors add slack tonebus.toml --exchange chat --binding 'slack.#'
    """
    entry = _find(name)
    named = os.environ.get("TONEBUS_CONFIG", "").strip()
    if file is None and not named:
        raise click.UsageError("no file. Fix: give FILE, or set TONEBUS_CONFIG")
    file = file or Path(named)
    own = own or entry.name
    added = entry.named(own, exchange, bindings)
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
    except UnicodeDecodeError:
        raise Misconfigured(f"{file}: not UTF-8") from None
    except OSError as error:
        raise Misconfigured(f"{file}: {error.strerror}") from None
    was_default = not before or not _check(before, file, own)
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    _check(before + gap + added, file)
    try:
        with file.open("a", encoding="utf-8") as out:
            out.write(gap + added)
    except OSError as error:
        raise Misconfigured(f"{file} cannot be written: {error.strerror}") from None
    click.echo(f"{own} is in {file}")
    if was_default:
        click.echo("It replaces the connector `input`, which is there only while a file has none.")
    click.echo(f"next: tonebus check --tests {file}; then reload the daemon (SIGHUP)")


@connectors.command()
@click.argument("sample", type=click.File("rb"))
@click.option("--name", default="upstream", show_default=True, help="Of the connector.")
def suggest(sample: BinaryIO, name: str) -> None:
    """Propose a connector for messages such as the JSON file SAMPLE (- is standard input).

    It is a guess by the names and the contents of the fields; `tonebus try` shows what it makes of
    the message. Exits with 1 where no field looks like a text.

    Example: tonebus connectors suggest message.json --name orders
    """
    try:
        proposed = suggestion.connector(msgspec.json.decode(sample.read()), name)
    except RecursionError:
        raise click.BadParameter("nested too deeply", param_hint="SAMPLE") from None
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="SAMPLE") from None
    if not proposed:
        click.echo("no field looks like a text", err=True)
        sys.exit(1)
    click.echo(proposed, nl=False)


def _check(text: str, file: Path, new: str = "") -> bool:
    """Check what would be in a file; return whether it has connectors of its own."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "tonebus.toml"
        copy.write_text(text, encoding="utf-8")
        try:
            found = read(path=copy)
        except Misconfigured as error:
            raise Misconfigured(str(error).replace(str(copy), str(file))) from None
    if found.settings is None or found.problems:
        told = "\n".join(found.told(found.problems)).replace(str(copy), str(file))
        raise Misconfigured(f"{told}\nNothing was written.")
    try:
        wiring.worst_case_bytes(found.settings)
    except Misconfigured as error:
        raise Misconfigured(f"{file}: {error}\nNothing was written.") from None
    own = any(path[:1] == ("connectors",) for path in found.lines)
    if own and new in {each.name for each in found.settings.connectors}:
        raise Misconfigured(f"{file} has a connector {new!r} already. Fix: give --as another name")
    return own


def _find(name: str) -> catalogue.CatalogueEntry:
    for each in catalogue.entries():
        if each.name == name:
            return each
    raise click.BadParameter(
        f"no ready connector {name!r}; `tonebus connectors list` names them", param_hint="NAME"
    )
