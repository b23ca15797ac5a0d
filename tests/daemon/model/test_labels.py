from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.errors import Misconfigured
from daemon.model.labels import MAX_LABELS, fold, ordered, tones_of
from tests.daemon.model import tiny

if TYPE_CHECKING:
    from pathlib import Path


def folded(*labels: str, **told: str) -> dict[str, str]:
    folding = fold(dict(enumerate(labels)), told, "m")
    return {
        label: folding.tones[column] for label, column in zip(labels, folding.columns, strict=True)
    }


@pytest.mark.parametrize(
    "labels",
    [
        ("negative", "neutral", "positive"),
        ("NEG", "NEU", "POS"),
        ("Negative", "Neutral", "Positive"),
    ],
)
def test_common_names_need_no_setting(labels: tuple[str, ...]) -> None:
    assert list(folded(*labels).values()) == ["negative", "neutral", "positive"]


def test_label_order_is_never_assumed() -> None:
    assert folded("POS", "NEG", "NEU") == {"POS": "positive", "NEG": "negative", "NEU": "neutral"}
    assert fold({1: "NEG", 0: "POS"}, {}, "m").columns == (1, 0)


def test_five_stars_fold_into_three_tones() -> None:
    assert folded("1 star", "2 stars", "3 stars", "4 stars", "5 stars") == {
        "1 star": "negative",
        "2 stars": "negative",
        "3 stars": "neutral",
        "4 stars": "positive",
        "5 stars": "positive",
    }


def test_very_negative_and_very_positive_fold() -> None:
    assert folded("Very Negative", "Negative", "Neutral", "Positive", "Very Positive") == {
        "Very Negative": "negative",
        "Negative": "negative",
        "Neutral": "neutral",
        "Positive": "positive",
        "Very Positive": "positive",
    }


def test_a_model_of_two_tones_tells_two() -> None:
    assert fold({0: "NEGATIVE", 1: "POSITIVE"}, {}, "m").tones == ("negative", "positive")


def test_numbered_labels_are_refused_with_an_example_of_the_setting() -> None:
    with pytest.raises(Misconfigured) as refusal:
        folded("LABEL_0", "LABEL_1")
    assert "'LABEL_0', 'LABEL_1'" in str(refusal.value)
    assert 'labels = { "LABEL_0" = "' in str(refusal.value)


def test_numbered_labels_mean_what_the_settings_say() -> None:
    assert folded("LABEL_0", "LABEL_1", LABEL_0="positive", LABEL_1="negative") == {
        "LABEL_0": "positive",
        "LABEL_1": "negative",
    }


def test_the_settings_win_over_the_name() -> None:
    assert folded("positive", "neutral", "negative", neutral="positive")["neutral"] == "positive"


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"joy": "happy"}, "'happy'"),
        ({"joi": "positive"}, "'joi'"),
        ({"joy": "positive", "anger": "positive"}, "'positive'"),
    ],
)
def test_a_wrong_setting_is_named(told: dict[str, str], named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        folded("joy", "anger", **told)


def own(*labels: str) -> tuple[str, ...]:
    return fold(dict(enumerate(labels)), "model", "m").tones


def test_a_models_own_labels_are_the_tones_in_their_order() -> None:
    assert own("joy", "Very angry", "positive") == ("joy", "Very angry", "positive")
    assert ordered({"joy", "positive", "anger", "negative"}) == [
        "negative", "positive", "anger", "joy",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "named"),
    [
        (("joy", "none"), "'none'"),
        (("joy", "unsure"), "'unsure'"),
        (("joy", " "), "' '"),
        (("joy", "a\nb"), "unprintable"),
        (("joy", "x" * 65), "64 characters"),
        (("very joyful", "very_joyful"), "routing key of another"),
        (tuple(map(str, range(MAX_LABELS + 1))), "101 labels"),
    ],
)
def test_labels_that_cannot_be_tones_are_refused(labels: tuple[str, ...], named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        own(*labels)


def test_the_tones_are_known_without_loading_the_model(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "emotions", ("joy", "anger"))
    assert tones_of(tiny.settings(where, labels="model")) == ("joy", "anger")
    folded_by = {"joy": "positive", "anger": "negative"}
    assert tones_of(tiny.settings(where, labels=folded_by)) == ("negative", "positive")
    assert tones_of(tiny.settings(tmp_path / "elsewhere", labels="model")) == ()
