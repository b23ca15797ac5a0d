"""Texts without labels are cut out of reviews and rows, and dev files are kept apart from them."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

from training import sentences

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_review_is_cut_into_sentences_of_some_length() -> None:
    review = (
        'So it ends.<br /><br />It&#39;s "good fun!" Really? I saw it at 8 p.m. with them, Bob.'
    )
    assert [*sentences.sentences(review)] == [
        "So it ends.", 'It\'s "good fun!', "I saw it at 8 p.m. with them, Bob.",
    ]  # fmt: skip
    assert not [*sentences.sentences("word " * 51)]


def test_a_row_is_cut_at_its_joints() -> None:
    text = "The plot is thin, the cast is fine but nobody cares."
    found = set(sentences.parts(text, random.Random(1)))
    assert {"The plot is thin", "the cast is fine", "but nobody cares"} <= found
    assert text.rstrip(".") not in found
    assert all(part in text for part in found)


def test_what_a_dev_file_has_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.csv").write_text(
        'review,tone\n"It was, well, fine. Nobody got hurt.",positive\n', encoding="utf-8"
    )
    (tmp_path / "rows.tsv").write_text("a\tneutral\tIt was late, as it is\n", encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("a\tneutral\tnobody got HURT\n", encoding="utf-8")
    names = {name: str(tmp_path / name) for name in ("r.csv", "rows.tsv", "dev.tsv")}
    command = ["", "--reviews", names["r.csv"], "--rows", names["rows.tsv"]]
    monkeypatch.setattr(sys, "argv", [*command, "--dev", names["dev.tsv"], "--out", str(tmp_path)])
    sentences.main()
    assert (tmp_path / "sentences.txt").read_text(encoding="utf-8") == "It was, well, fine.\n"
    assert set((tmp_path / "parts.txt").read_text(encoding="utf-8").splitlines()) == {
        "It was late", "as it is",
    }  # fmt: skip
