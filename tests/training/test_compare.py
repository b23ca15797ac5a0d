"""Models are compared on the same rows, as they are served."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.daemon.model import tiny
from training import compare
from training.export import calibration
from training.metrics import draws, macro_recall, recall_by_source

if TYPE_CHECKING:
    from pathlib import Path

LABELS = np.array([0, 0, 1, 2])
RIGHT = np.eye(3)[LABELS]
HALF = np.eye(3)[[0, 1, 1, 2]]


def test_macro_recall_counts_each_tone_that_is_there_the_same() -> None:
    assert macro_recall(LABELS, RIGHT) == 100
    assert macro_recall(LABELS, HALF) == pytest.approx(100 * (0.5 + 1 + 1) / 3)
    assert macro_recall(LABELS[:2], HALF[:2]) == 50


def test_each_source_has_its_own_recall() -> None:
    found = recall_by_source(["de", "de", "fr", "fr"], LABELS, HALF)
    assert found == {"by_source": {"de": 50.0, "fr": 100.0}, "mean_of_sources": 75.0}
    assert recall_by_source(["de"] * 4, LABELS, HALF) == {}


def test_equal_models_do_not_differ_in_any_draw() -> None:
    drawn = draws(macro_recall, LABELS, [HALF, HALF, RIGHT])
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 2] == 100).all()
    assert drawn[:, 0].std() > 0


def test_calibration_is_shown_before_and_after() -> None:
    found = calibration(LABELS, 6 * HALF, 3.5)  # before quite sure, and right three times in four
    before, after, deviation = (float(str(value)) for value in found.values())
    assert before == pytest.approx(1 / (1 + 2 * np.exp(-6)) - 0.75, abs=0.001)
    assert after == pytest.approx(abs(1 / (1 + 2 * np.exp(-6 / 3.5)) - 0.75), abs=0.001)
    assert 0.05 < deviation < 0.3


def test_a_comparison_says_the_difference_and_keeps_the_scores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "dev.tsv"
    rows.write_text("a\tpositive\tgood app\nb\tnegative\tbad app\n", encoding="utf-8")
    models = [str(tiny.bert(tmp_path / "one")), str(tiny.bert(tmp_path / "two"))]
    command = ["compare", "--models", *models, "--dev", str(rows), "--cache", str(tmp_path / "c")]
    monkeypatch.setattr(sys, "argv", command)
    compare.main()
    first = capsys.readouterr().out
    assert "difference +0.0 ± 0.0" in first
    assert [line.split()[:2] for line in first.splitlines()][::2] == [
        ["dev", "one"],
        ["dev", "a"],
        ["dev", "b"],
    ]
    assert len([*(tmp_path / "c").iterdir()]) >= 1
    compare.main()
    assert capsys.readouterr().out == first
