"""`tonebus relabel`: what is refused before anything is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.daemon.cli.checking import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--queue", "old", "--only", "r1"], "would be lost"),
        (["--queue", "old", "--stream", "all"], "give one of"),
        (["--queue", "sentiment.parked"], "Tonebus's own"),
        ([], "give one of"),
        (["--stream", "all", "--from", "yesterday"], "a time by ISO 8601"),
    ],
)
def test_what_could_lose_messages_or_says_too_little_is_refused(
    file: Path, options: list[str], words: str
) -> None:
    result = run("relabel", *options, config=file)
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
