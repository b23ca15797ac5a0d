from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from daemon.model.tone_model import ToneModel
from tests.daemon.model import tiny
from tests.daemon.model.scoring import CLOSE, apart, scored, texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAKERS = [tiny.bert, tiny.distilbert, tiny.roberta]


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def any_model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    make: Callable[[Path], Path] = request.param
    return make(tmp_path / "model")


def test_it_says_what_transformers_says(any_model: Path) -> None:
    network = AutoModelForSequenceClassification.from_pretrained(any_model).eval()
    tokenizer = AutoTokenizer.from_pretrained(any_model)
    items = texts(20, longest=30)
    model = ToneModel.load(tiny.settings(any_model))
    for text, ours in zip(items, scored(model, *items), strict=True):
        encoded = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.inference_mode():
            theirs = network(**encoded).logits.softmax(dim=1)[0].tolist()
        assert list(ours.scores.values()) == pytest.approx(theirs, abs=CLOSE)
        assert ours.tokens == encoded["input_ids"].shape[1]


def test_a_text_alone_and_in_any_batch_agree(any_model: Path) -> None:
    model = ToneModel.load(tiny.settings(any_model))
    items = texts(60)
    together = scored(model, *items)
    model.token_budget = 100_000
    padded = scored(model, *items)
    for text, one, other in zip(items, together, padded, strict=True):
        (alone,) = scored(model, text)
        assert apart(alone, one) <= CLOSE
        assert apart(alone, other) <= CLOSE


def test_results_come_in_the_order_of_the_texts(model: ToneModel) -> None:
    items = texts(50)
    backwards = scored(model, *reversed(items))
    for one, other in zip(scored(model, *items), reversed(backwards), strict=True):
        assert apart(one, other) <= CLOSE


def test_scores_are_probabilities_of_the_tones(model: ToneModel) -> None:
    for score in scored(model, *texts(10)):
        assert tuple(score.scores) == model.tones == ("negative", "neutral", "positive")
        assert sum(score.scores.values()) == pytest.approx(1, abs=1e-5)


def test_nothing_scores_as_nothing(model: ToneModel) -> None:
    assert model.score([]) == []


def test_a_long_text_is_cut_and_says_so(model: ToneModel) -> None:
    short, long, endless = scored(model, "good " * 62, "good " * 63, "good " * 100_000)
    assert (short.tokens, short.truncated) == (64, False)
    assert (long.tokens, long.truncated) == (64, True)
    assert endless.truncated
    assert apart(short, long) <= CLOSE


def test_a_text_of_few_tokens_and_too_many_characters_is_cut_and_says_so(model: ToneModel) -> None:
    (score,) = scored(model, "x" * 64 * 20 + " good")
    assert score.tokens < model.max_tokens
    assert score.truncated


def test_a_chunked_long_text_is_the_mean_of_its_windows(shared_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(shared_bert, long_text="chunk"))
    first, second = "good " * 62, "bad " * 10
    whole, one, two = scored(model, first + second, first, second)
    assert (whole.tokens, whole.truncated) == (64 + 12, False)
    for tone in model.tones:
        mean = (one.scores[tone] * 64 + two.scores[tone] * 12) / 76
        assert whole.scores[tone] == pytest.approx(mean, abs=CLOSE)


def test_chunks_are_bounded(shared_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(shared_bert, long_text="chunk"))
    (endless,) = scored(model, "good " * 100_000)
    assert endless.truncated
    assert endless.tokens == 16 * 64


def test_labels_in_another_order_give_the_same_tones(tmp_path: Path) -> None:
    one = ToneModel.load(tiny.settings(tiny.bert(tmp_path / "a", ("NEG", "NEU", "POS"))))
    other = ToneModel.load(tiny.settings(tiny.bert(tmp_path / "b", ("POS", "NEG", "NEU"))))
    (first,), (second,) = scored(one, "good"), scored(other, "good")
    assert [second.scores[tone] for tone in ("positive", "negative", "neutral")] == pytest.approx(
        [first.scores[tone] for tone in ("negative", "neutral", "positive")], abs=CLOSE
    )


def test_probabilities_of_labels_with_one_tone_add_up(tmp_path: Path) -> None:
    stars = tuple(f"{count} star{'s' * (count > 1)}" for count in range(1, 6))
    where = tiny.bert(tmp_path / "stars", stars)
    network = AutoModelForSequenceClassification.from_pretrained(where).eval()
    tokenizer = AutoTokenizer.from_pretrained(where)
    with torch.inference_mode():
        encoded = tokenizer("good", return_tensors="pt", return_token_type_ids=False)
        raw = network(**encoded).logits.softmax(dim=1)[0].tolist()
    (score,) = scored(ToneModel.load(tiny.settings(where)), "good")
    expected = [raw[0] + raw[1], raw[2], raw[3] + raw[4]]
    assert list(score.scores.values()) == pytest.approx(expected, abs=CLOSE)


def test_independent_labels_take_the_sigmoid_and_the_highest_of_a_tone(tmp_path: Path) -> None:
    names = ("joy", "anger", "fear", "neutral")
    where = tiny.bert(tmp_path / "multi", names, problem_type="multi_label_classification")
    told = {"joy": "positive", "anger": "negative", "fear": "negative"}
    network = AutoModelForSequenceClassification.from_pretrained(where).eval()
    tokenizer = AutoTokenizer.from_pretrained(where)
    with torch.inference_mode():
        encoded = tokenizer("good", return_tensors="pt", return_token_type_ids=False)
        joy, anger, fear, neutral = network(**encoded).logits.sigmoid()[0].tolist()
    (score,) = scored(ToneModel.load(tiny.settings(where, labels=told)), "good")
    expected = [max(anger, fear), neutral, joy]
    assert list(score.scores.values()) == pytest.approx(expected, abs=CLOSE)


def test_temperature_softens_without_changing_the_tone(shared_bert: Path) -> None:
    sharp = ToneModel.load(tiny.settings(shared_bert, temperature=1))
    soft = ToneModel.load(tiny.settings(shared_bert, temperature=5))
    for one, other in zip(scored(sharp, *texts(20)), scored(soft, *texts(20)), strict=True):
        assert one.tone == other.tone
        assert max(other.scores.values()) < max(one.scores.values())


def test_the_models_own_temperature_holds_unless_one_is_set(own_bert: Path) -> None:
    tiny.edit(own_bert / "tonebus.json", temperature=5)
    soft = ToneModel.load(tiny.settings(own_bert))
    sharp = ToneModel.load(tiny.settings(own_bert, temperature=1))
    (one,), (other,) = scored(soft, "good"), scored(sharp, "good")
    assert max(one.scores.values()) < max(other.scores.values())


def test_the_models_own_preprocessing_is_applied(own_bert: Path) -> None:
    tiny.edit(own_bert / "tonebus.json", preprocessing="social-1")
    model = ToneModel.load(tiny.settings(own_bert))
    one, other = scored(model, "@anna was late https://x.org/1", "@bo was late http://y.net")
    assert apart(one, other) <= CLOSE


def test_warm_up_finds_a_budget_unless_one_is_set(shared_bert: Path) -> None:
    model = ToneModel.load(tiny.settings(shared_bert, token_budget=0))
    model.warm_up()
    assert model.token_budget in {512, 1024, 2048, 4096}
    fixed = ToneModel.load(tiny.settings(shared_bert, token_budget=77))
    fixed.warm_up()
    assert fixed.token_budget == 77
