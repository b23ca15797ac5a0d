"""Show how a long command goes: a bar in a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Show = Callable[[float, str], None]


@contextmanager
def display(begun: float = 0.0, console: Console | None = None) -> Iterator[Show]:
    """Show the share that is done, the time that the rest will take, and a word of the caller's.

    Args:
        begun: Share of the whole that an earlier call had done: it says nothing about the pace of
            this one.
        console: Standard output by default.

    Yields:
        What takes the share that is done now, and the word.
    """
    console = console or Console(highlight=False, soft_wrap=True)
    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("left"))
    words = TextColumn("{task.description}")
    started = time.monotonic()
    with Progress(*columns, words, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        bar.update(task, completed=begun)

        def show(done: float, text: str) -> None:
            bar.update(task, completed=done, description=text)
            if not console.is_terminal:
                left = (time.monotonic() - started) * (1 - done) / max(done - begun, 1e-9) / 60
                console.print(f"{text}, {done:.0%} done, {left:.0f} min left")

        yield show
