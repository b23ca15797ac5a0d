"""Where a connector begins in a stream, by its settings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.stream import start_of
from connectors.errors import Misconfigured
from daemon.settings import load

if TYPE_CHECKING:
    from pathlib import Path


def write(directory: Path, lines: str) -> Path:
    file = directory / "tonebus.toml"
    file.write_text(f'[[connectors]]\nname = "a"\n{lines}\n', encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('queue = "s"\noffset = "bogus"', "'bogus' is no place in a stream"),
        ('queue = "s"\noffset = "7"', "'7' is no place in a stream"),
        ('queue = "s"\noffset = -1', "offset"),
        ('queue = "s"\noffset = "first"\npriority = 1', "every message to every consumer"),
        ('offset = "first"', "`queue` names none"),
        (f'queue = "{"ä" * 130}"', "longer than 255 bytes"),
    ],
)
def test_a_place_in_a_stream_that_cannot_be_is_refused(
    tmp_path: Path, lines: str, said: str
) -> None:
    with pytest.raises(Misconfigured, match=said):
        load({}, write(tmp_path, lines))


@pytest.mark.parametrize("offset", ['"first"', "0", '"2026-11-01T00:00:00Z"'])
def test_a_place_in_a_stream_is_a_word_a_time_or_a_number(tmp_path: Path, offset: str) -> None:
    [connector] = load({}, write(tmp_path, f'queue = "s"\noffset = {offset}')).connectors
    assert connector.source_queue == "sentiment.source.a"


def test_a_place_is_a_word_a_time_or_a_number() -> None:
    assert start_of("first") == "first"
    assert start_of(7) == 7
    assert start_of("2026-11-01T00:00:00") == datetime(2026, 11, 1, tzinfo=UTC)
    assert start_of("2026-11-01T02:00:00+02:00") == datetime(2026, 11, 1, tzinfo=UTC)
    for wrong in ("", "bogus", "7", -1, "1h"):
        with pytest.raises(ValueError):  # noqa: PT011 - Python's own words
            start_of(wrong)
