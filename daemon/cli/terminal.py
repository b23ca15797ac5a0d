"""What the commands read from and write to: a file, a terminal of any width, or a pipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.text import Text

if TYPE_CHECKING:
    from rich.table import Table

EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
"""A file that a command reads."""
_ENDLESS = 1_000_000


def console() -> Console:
    """Return what lines are printed with: never broken by us, and coloured on terminals only."""
    return Console(highlight=False, soft_wrap=True)


def print_json(value: object, *, indented: bool = False) -> None:
    """Print a value as JSON, on one line or for people."""
    encoded = msgspec.json.encode(value)
    click.echo((msgspec.json.format(encoded) if indented else encoded).decode())


def print_table(table: Table) -> None:
    """Print a table whole: in columns where they fit, or into a pipe; else one value on a line."""
    out = console()
    whole = Console(highlight=False, markup=False, width=_ENDLESS)
    natural = Measurement.get(whole, whole.options, table).maximum
    if out.is_terminal and natural > out.width:
        _print_records(table, out)
        return
    with whole.capture() as printed:
        whole.print(table)
    for line in printed.get().splitlines():
        click.echo(line.rstrip())


def _print_records(table: Table, out: Console) -> None:
    heads = [str(column.header) for column in table.columns]
    width = max(map(len, heads), default=0)
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        for head, cell in zip(heads, cells, strict=True):
            out.print(Text(f"{head:<{width}}  {cell}"))
        out.print()


def escaped(text: str) -> str:
    """Return a text as `plain` does, for where rich reads markup."""
    return escape(plain(text))


def plain(text: str) -> str:
    """Return a text from a message so that it cannot break a line or drive the terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
