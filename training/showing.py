"""Show how a long command goes: a bar in a terminal, a line now and then elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Display:
    """Shows the share that is done, the time that the rest will take, and a word of the caller's.

    `done` is a share of the whole; `begun` is the share that an earlier call had done, which says
    nothing about the pace of this one.
    """

    def __init__(self, begun: float = 0.0, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), TextColumn("left"))
        self._bar = Progress(
            *columns,
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0)
        self._bar.update(self._task, completed=begun)
        self._begun = begun
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show(self, done: float, text: str) -> None:
        """Draw, or print a line."""
        if self._console.is_terminal:
            self._bar.update(self._task, completed=done, description=text)
            return
        gone = time.monotonic() - self._started
        left = gone * (1 - done) / max(done - self._begun, 1e-9) / 60
        self._console.print(f"{text}, {done:.0%} done, {left:.0f} min left")
