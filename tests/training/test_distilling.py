"""A teacher's probabilities reach a smaller student."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification

from daemon.model.card import SHIPPED
from tests.daemon.model import tiny
from training import teach, thin, writing
from training.data import LABELS, Row, apart, fold, read_tsv
from training.objective import Objective

TRAINING = Path(teach.__file__).parent
WRITTEN = ("service", "companies", "reviews", "languages_tweets")
TEXTS = ("good app", "bad app", "fine", "ok", "late refund")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | float | Path) -> None:
    monkeypatch.setattr(sys, "argv", ["teach", *map(str, arguments)])
    teach.main()


def test_teaching_goes_on_where_it_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: Path
) -> None:
    teacher, whole, cut = tiny.bert(tmp_path / "teacher"), tmp_path / "whole", tmp_path / "cut"
    command = ("--teachers", teacher, teacher, "--texts", texts, "--out")
    run(monkeypatch, *command, whole)
    cut.write_bytes(whole.read_bytes()[:-25])
    run(monkeypatch, *command, cut)
    assert cut.read_bytes() == whole.read_bytes()
    rows = read_tsv(cut)
    assert [row.text for row in rows] == [*TEXTS]
    assert all(sum(row.taught) == pytest.approx(1, abs=1e-3) for row in rows)
    assert all(row.taught[row.label] == max(row.taught) for row in rows)


def test_a_calibrated_teacher_divides_its_logits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: Path
) -> None:
    teacher, sharp, flat = tiny.bert(tmp_path / "teacher"), tmp_path / "sharp", tmp_path / "flat"
    command = ("--teachers", teacher, "--texts", texts, "--out")
    run(monkeypatch, *command, sharp)
    (teacher / "tonebus.json").write_text('{"temperature": 4.0}', encoding="utf-8")
    run(monkeypatch, *command, flat)
    assert all(
        max(one.taught) > max(other.taught)
        for one, other in zip(read_tsv(sharp), read_tsv(flat), strict=True)
    )


def test_a_teacher_is_asked_only_about_the_part_that_it_was_not_trained_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: Path
) -> None:
    teachers = [tiny.bert(tmp_path / name) for name in ("first", "second")]
    (teachers[1] / "tonebus.json").write_text('{"temperature": 4.0}', encoding="utf-8")
    by_fold, alone = tmp_path / "by_fold", [tmp_path / "0", tmp_path / "1"]
    command = ("--texts", texts, "--folds", 2, "--out", by_fold)
    run(monkeypatch, "--teachers", *teachers, *command)
    for teacher, out in zip(teachers, alone, strict=True):
        run(monkeypatch, "--teachers", teacher, "--texts", texts, "--out", out)
    rows = [read_tsv(out) for out in alone]
    places = [fold(text, 2) for text in TEXTS]
    assert set(places) == {0, 1}
    assert read_tsv(by_fold) == [rows[place][number] for number, place in enumerate(places)]


def test_a_fold_holds_all_texts_that_say_the_same() -> None:
    assert fold("@ann Bad app!", 97) == fold("bad  app", 97) != fold("good app", 97)


def test_a_teacher_whose_word_counts_nothing_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: Path
) -> None:
    one, other = tiny.bert(tmp_path / "one"), tiny.bert(tmp_path / "other")
    (other / "tonebus.json").write_text('{"temperature": 4.0}', encoding="utf-8")
    alone, both = tmp_path / "alone", tmp_path / "both"
    run(monkeypatch, "--teachers", one, "--texts", texts, "--out", alone)
    command = ("--weights", 1, 0, "--texts", texts, "--out", both)
    run(monkeypatch, "--teachers", one, other, *command)
    assert both.read_bytes() == alone.read_bytes()


def test_a_packed_model_teaches_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, texts: Path
) -> None:
    taught = tmp_path / "taught"
    run(monkeypatch, "--teachers", SHIPPED["multilingual"], "--texts", texts, "--out", taught)
    assert [LABELS[row.label] for row in read_tsv(taught)][:2] == ["positive", "negative"]


def test_no_row_is_trained_on_that_a_dev_file_has() -> None:
    rows = [Row("a", 0, "@ann Bad app!  http://x.y"), Row("a", 0, "Bad apples"), Row("a", 2, "👍")]
    held = [Row("b", 2, "RT @user bad app"), Row("b", 2, "👎")]
    assert apart(rows, held) == rows[1:]


@pytest.mark.parametrize("kind", ["customer_service", "languages", "hard"])
def test_our_own_test_sets_are_apart_from_our_training_rows(kind: str) -> None:
    dev = read_tsv(TRAINING / f"{kind}_dev.tsv")
    for name in ("customer_service", "ratings", "languages", "hard", *WRITTEN):
        rows = read_tsv(TRAINING / f"{name}.tsv")
        assert apart(rows, dev) == rows


def test_there_are_three_hundred_known_failures_of_six_kinds() -> None:
    rows = read_tsv(TRAINING / "hard_dev.tsv")
    assert len({row.text for row in rows}) == 300
    assert len({row.source for row in rows}) == 6


def test_a_taught_row_is_learnt_towards_its_probabilities_whatever_its_source() -> None:
    taught = Row("taught", 2, "x", (0.2, 0.3, 0.5))
    rows = [taught, *[Row("shop", 0, "y")] * 9, Row("shop", 1, "z")]
    objective = Objective(rows, smoothing=0.05, balance=1.0)
    logits = torch.tensor([taught.taught]).log().requires_grad_()
    objective(logits, torch.tensor([0])).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.zeros(1, 3), atol=1e-6, rtol=0)


def test_probabilities_for_too_few_tones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("a\t0.5,0.5\ttext\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"rows\.tsv:1"):
        read_tsv(path)


def test_a_thinned_model_keeps_the_layers_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = tiny.bert(tmp_path / "whole")
    arguments = ["thin", "--run", str(whole), "--layers", "1", "--out", str(tmp_path / "thin")]
    monkeypatch.setattr(sys, "argv", arguments)
    thin.main()
    large = AutoModelForSequenceClassification.from_pretrained(whole).bert.encoder.layer
    small = AutoModelForSequenceClassification.from_pretrained(tmp_path / "thin").bert.encoder.layer
    assert len(small) == 1
    assert torch.equal(small[0].output.dense.weight, large[1].output.dense.weight)


def test_rows_without_one_of_the_tones_can_be_learnt_from() -> None:
    objective = Objective([Row("a", 0, "x"), Row("a", 2, "y")], smoothing=0.05, balance=1.0)
    assert objective(torch.zeros(2, 3), torch.tensor([0, 1])).isfinite()


def test_a_run_and_a_packed_model_have_a_mean(tmp_path: Path) -> None:
    run, half, packed = tmp_path / "run", tmp_path / "half", tmp_path / "packed"
    tiny.bert(run)
    writing.write([run], half, {}, packed=False)
    writing.write([run], packed, {}, packed=True)
    mean = writing.average([run, half, packed])
    for name, value in load_file(run / "model.safetensors").items():
        assert mean[name].dtype == torch.float32
        torch.testing.assert_close(mean[name], value, atol=5e-3, rtol=0)
