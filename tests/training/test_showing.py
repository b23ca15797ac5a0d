"""A long command shows how far it is."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from training.showing import display


def test_a_terminal_gets_a_bar_with_the_time_left() -> None:
    file = StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    with display(console=console) as show:
        show(0.5, "loss 0.5")
    assert "50%" in file.getvalue()
    assert "loss 0.5" in file.getvalue()


def test_a_file_gets_a_line_for_each_report_and_nothing_else() -> None:
    file = StringIO()
    with display(0.4, Console(file=file, highlight=False, soft_wrap=True)) as show:
        show(0.5, "step 7")
    assert file.getvalue() == "step 7, 50% done, 0 min left\n"
