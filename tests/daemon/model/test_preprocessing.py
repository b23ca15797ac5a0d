"""What the named preprocessors make of a text; a name's meaning never changes."""

from __future__ import annotations

import pytest

from daemon.model.preprocessing import PREPROCESSORS

SOCIAL = {
    "@anna look: https://example.org/a?b=1 and www.example.org": "@user look: http and http",
    "mail me at anna@example.org": "mail me at anna@example.org",
    "#LoveThisApp2 #late_again": "# Love This App 2 # late again",
    "so good \U0001f60d\U0001f60d\U0001f60d": "so good smiling face with heart shaped eyes",
    "\u2764\ufe0f thanks \U0001f44d\U0001f3fd": "heart thanks thumbs up sign",
    "late again :(( and no reply :/": "late again disappointed face and no reply confused face",
    "the ratio is 3:1": "the ratio is 3:1",
    "nooooooo!!!!!!": "nooo!!!",
    "Tom &amp; Jerry &lt;3": "Tom & Jerry red heart",
    r"caf\u00e9 \ud83d\ude00": "café grinning face",
    '"\\""Great\\"" they said"': 'Great" they said',
    "it 's n't\n\n\tfine \u2026": "it 'sn't fine ...",
    "\u2018a\u2019 \u201cb\u201d \u2014 c": "'a' \"b\" - c",
    "half \ud83d of a pair": "half of a pair",
    "": "",
    " \u200b ": "",
}
STARS = {
    "\u2605\u2605\u2605\u2606\u2606": ("black star star", "3 stars"),
    "\u2605\u2606\u2606\u2606\u2606 never again": (
        "black star star never again",
        "1 star never again",
    ),
    "\u2b50\ufe0f\u2b50\ufe0f\u2b50\ufe0f\u2b50\ufe0fnice": ("medium star nice", "4 stars nice"),
    "\u2606\u2606\u2606": ("star", "0 stars"),
    "a \u2b50 is born": ("a medium star is born", "a medium star is born"),
}


@pytest.mark.parametrize("name", ["social-1", "social-2"])
@pytest.mark.parametrize("text", SOCIAL)
def test_social_text_is_made_plain(name: str, text: str) -> None:
    assert PREPROCESSORS[name](text) == SOCIAL[text]


@pytest.mark.parametrize("text", STARS)
def test_stars_in_a_row_are_a_rating_from_social_2_on(text: str) -> None:
    assert (PREPROCESSORS["social-1"](text), PREPROCESSORS["social-2"](text)) == STARS[text]


@pytest.mark.parametrize("text", [*SOCIAL, *STARS])
def test_none_leaves_a_text_alone(text: str) -> None:
    assert PREPROCESSORS["none"](text) == text
