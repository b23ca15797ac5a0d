"""When a score is too close to call: the event then says `unsure` in place of a tone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from connectors.messages import Score

UNSURE = "unsure"
SCORE_DIGITS = 4
"""Digits of a probability in an event. Doubt judges what the consumer can see."""


class Doubt(msgspec.Struct, frozen=True):
    """What a connector asks of a score.

    Attributes:
        below: A most probable tone with less than this probability is `unsure`.
        margin: A most probable tone that leads by less than this is `unsure`.
    """

    below: float = 0.0
    margin: float = 0.0

    def tone(self, score: Score) -> str:
        """The tone to publish: the most probable one, or `unsure`; `none` stays `none`."""
        if not (self.below or self.margin):
            return score.tone
        ranked = sorted((round(each, SCORE_DIGITS) for each in score.scores.values()), reverse=True)
        if not ranked:
            return score.tone
        first, second = ranked[0], ranked[1] if len(ranked) > 1 else 0.0
        unsure = first < self.below or round(first - second, SCORE_DIGITS) < self.margin
        return UNSURE if unsure else score.tone


SURE = Doubt()
"""Asks for nothing: the most probable tone is the tone."""
