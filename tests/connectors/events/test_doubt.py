"""When an event says `unsure` in place of a tone."""

from __future__ import annotations

import pytest

from connectors.events.doubt import Doubt
from connectors.messages import Score

CLOSE = Score({"negative": 0.5, "neutral": 0.41, "positive": 0.09}, 5)


@pytest.mark.parametrize(
    ("doubt", "tone"),
    [
        (Doubt(), "negative"),
        (Doubt(below=0.5), "negative"),
        (Doubt(below=0.51), "unsure"),
        (Doubt(margin=0.09), "negative"),  # 0.5 - 0.41 is less than 0.09 as a float
        (Doubt(margin=0.1), "unsure"),
        (Doubt(below=0.4, margin=0.2), "unsure"),
    ],
)
def test_a_score_that_is_too_close_is_unsure(doubt: Doubt, tone: str) -> None:
    assert doubt.tone(CLOSE) == tone


def test_doubt_judges_the_digits_that_the_event_shows() -> None:
    assert Doubt(below=0.6).tone(Score({"negative": 0.59996, "positive": 0.40004}, 5)) == "negative"


def test_a_text_with_nothing_to_score_is_not_unsure() -> None:
    assert Doubt(below=0.9, margin=0.9).tone(Score({}, 0)) == "none"


def test_one_tone_alone_leads_by_all_of_its_probability() -> None:
    assert Doubt(margin=0.5).tone(Score({"urgent": 0.7}, 5)) == "urgent"
