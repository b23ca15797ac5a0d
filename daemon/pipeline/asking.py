"""What a caller asks of the predictor, and what it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from connectors.errors import Unavailable
from connectors.events.event import reason

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from connectors.messages import Model, Score
    from daemon.model.language import Language
    from daemon.pipeline.routing import Choice


class NoWorker(Unavailable):
    """No worker of the model can be asked: waiting would be in vain."""


class Prediction(msgspec.Struct, frozen=True):
    """The score of one text, and where it came from.

    Attributes:
        reason: Why it has no tone: `blank` or `language`; None where it has one.
    """

    score: Score
    model: Model
    cached: bool
    language: Language
    reason: str | None = None


class Asked:
    """What one caller has asked for; used on the event loop alone.

    Attributes:
        future: The predictions in the order of the texts. It fails with `NoWorker` where no worker
            can score one, with `Unavailable` where the bus is lost meanwhile, and with `BadInput`
            where the model cannot score one.
        requests: One for each text.
    """

    __slots__ = ("_predictions", "future", "requests")

    def __init__(self, future: asyncio.Future[list[Prediction]]) -> None:
        self.future = future
        self.requests: list[Request] = []
        self._predictions: dict[int, Prediction] = {}

    def settle(self, place: int, outcome: Prediction | Exception) -> None:
        """Note the outcome of a text; the last one, or the first failure, completes the answer."""
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
            return
        self._predictions[place] = outcome
        if len(self._predictions) == len(self.requests):
            self.future.set_result([self._predictions[n] for n in range(len(self.requests))])

    @property
    def whole(self) -> bool:
        return len(self._predictions) == len(self.requests)


def settle(answered: Sequence[tuple[Request, Prediction | Exception]]) -> None:
    """Give callers the outcomes of their texts, on the event loop."""
    for request, outcome in answered:
        request.asked.settle(request.place, outcome)


@dataclass(slots=True, eq=False)
class Request:
    """One text of a caller.

    Attributes:
        text: At most `max_text_chars` of it.
        cut: Whether there was more of it.
        place: Of the text among the caller's.
    """

    asked: Asked
    place: int
    text: str
    cut: bool
    choice: Choice
    key: bytes

    @property
    def model(self) -> str:
        return self.choice.model.name

    def prediction(self, score: Score, model: Model, *, cached: bool) -> Prediction:
        """Return its prediction; a text that was cut says so, however the model read the rest."""
        if self.cut and not score.truncated:
            score = msgspec.structs.replace(score, truncated=True)
        why = reason(score, self.text)
        return Prediction(score, model, cached, self.choice.language, why)
