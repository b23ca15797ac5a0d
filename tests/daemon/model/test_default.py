"""The model that ships."""

from __future__ import annotations

import pytest

from daemon.model.tone_model import ToneModel
from daemon.settings import DEFAULT_MODEL, ModelSettings
from tests.daemon.model.scoring import CLOSE, apart, scored

pytestmark = pytest.mark.skipif(
    not (DEFAULT_MODEL / "config.json").exists(), reason="this checkout has no default model"
)

PLAIN = {
    "I love it, the support was wonderful.": "positive",
    "Worst service ever, I want my money back.": "negative",
    "The parcel arrives on Tuesday.": "neutral",
    "Please cancel my subscription at the end of the month.": "neutral",
    "The old version was better.": "negative",
    "great, another update that logs everybody out": "negative",
    "2/10": "negative",
    "\u2605\u2605\u2605\u2606\u2606": "neutral",
    "5 stars": "positive",
    "10/10": "positive",
}


@pytest.fixture(scope="module")
def default() -> ToneModel:
    return ToneModel.load(ModelSettings(threads=1))


def test_it_needs_no_settings(default: ToneModel) -> None:
    assert default.identity.model.name == "tone-minilm"
    assert "-" not in default.identity.model.revision
    assert default.tones == ("negative", "neutral", "positive")
    assert default.max_tokens == 128


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_text_gets_its_tone(default: ToneModel, text: str) -> None:
    assert scored(default, text)[0].tone == PLAIN[text]


def test_a_text_alone_and_among_others_agree(default: ToneModel) -> None:
    items = [f"{text} " * times for text in PLAIN for times in (1, 4, 9, 30)]
    for text, together in zip(items, scored(default, *items), strict=True):
        assert apart(scored(default, text)[0], together) <= CLOSE


def test_it_is_small_enough_to_be_cloned() -> None:
    files = [path for path in DEFAULT_MODEL.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 50 * 1024 * 1024
