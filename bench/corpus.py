"""Seeded texts with the lengths of social posts and support tickets; nobody's words."""

from __future__ import annotations

import random

_VOCABULARY = (
    "the to I a and is in it of you for my on that this with me was be have so at not just but "
    "are your we they what all from can if an about when will get out up like love day good time "
    "now new one see know go today back work great people think really thanks still please need "
    "right never could want after being last off make should again going week order phone service "
    "support account app update waiting help problem refund delivery customer issue terrible "
    "awful excellent slow broken happy disappointed amazing wrong missing charged cancel reply "
    "email call weekend tomorrow season game team tickets morning night money price quality "
    "money's don't can't won't it's I'm "
)
_WORDS = _VOCABULARY.split()
_MARKS = ("@anna_b", "https://example.com/a1", "#fail", "#MondayMood", "😀", ":(", "4711", "!!!")
_MARKED = 0.06


def texts(count: int, seed: int = 1) -> list[str]:
    """Make texts; a count and seed give the same ones everywhere.

    The words in a text are log-normal with median 17, between 2 and 120: with an English
    vocabulary about 25 tokens in the mean, a tail beyond 60, as tweets and tickets have.
    """
    dice = random.Random(seed)  # noqa: S311 - no secret is made
    return [_text(dice) for _ in range(count)]


def texts_of(words: int, count: int, seed: int = 1) -> list[str]:
    dice = random.Random(seed)  # noqa: S311 - no secret is made
    return [_text(dice, words) for _ in range(count)]


def _text(dice: random.Random, words: int = 0) -> str:
    words = words or max(2, min(120, round(dice.lognormvariate(2.83, 0.55))))
    chosen = [dice.choice(_MARKS if dice.random() < _MARKED else _WORDS) for _ in range(words)]
    return " ".join(chosen).capitalize() + dice.choice((".", "!", "?", " ...", ""))
