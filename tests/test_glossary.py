"""The check of old words finds them in names and sentences, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts import glossary

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("class MyLetter:", "Letter"),
        ("bus_lost = 1", "bus_lost"),
        ("def utterances_of(delivery):", "utterances"),
        ("Its verdict is kept.", "verdict"),
    ],
)
def test_an_old_word_is_found(line: str, word: str) -> None:
    assert [found for found, _ in glossary.found(line)] == [word]


@pytest.mark.parametrize(
    "line",
    [
        "a dead letter",
        "dead-letter-exchange",
        "The parcel never came.",
        "recommended parameters",
        "x = 'meters'  # glossary: the unit of length",
    ],
)
def test_an_everyday_word_is_left_alone(line: str) -> None:
    assert not list(glossary.found(line))


def test_strings_are_read_in_the_product_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glossary, "ROOT", tmp_path)
    for folder in ("daemon", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text('x = "a recipe"  # anew\n', encoding="utf-8")
    hits = {
        folder: [
            word
            for _, text in glossary.lines(tmp_path / folder / "a.py")
            for word, _ in glossary.found(text)
        ]
        for folder in ("daemon", "tests")
    }
    assert hits == {"daemon": ["recipe", "anew"], "tests": ["anew"]}
