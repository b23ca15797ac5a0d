"""What the routes that predict answer alike: refusals, and scores in other protocols' terms."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Response

from api.schemas import Complaint, Rejection
from connectors.messages import NO_TONE

if TYPE_CHECKING:
    from daemon.pipeline.asking import Prediction

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Complaint, "description": "The body cannot be parsed"},
    401: {"model": Complaint, "description": "A token is asked for, and this is not it"},
    404: {"model": Complaint, "description": "No model has that name"},
    408: {"model": Complaint, "description": "The body did not come in time"},
    413: {"model": Complaint, "description": "The body is too large"},
    422: {"model": Rejection, "description": "A field is wrong, or a text cannot be scored"},
    429: {"model": Complaint, "description": "Too many predictions at a time; try again"},
    503: {"model": Complaint, "description": "No worker is there, or none answered in time"},
}
_SMALLEST = 1e-12
_encode = msgspec.json.Encoder().encode


def answer(content: object) -> Response:
    """Write what the schema promises; to check it once more would cost more than all else here."""
    return Response(_encode(content), media_type="application/json")


def labels(prediction: Prediction, *, raw: bool | None) -> dict[str, float]:
    """Return the score of each label, in the model's order; a text without a tone has that label.

    Raw scores are the logarithms of the probabilities: logits, up to a constant that softmax
    takes away again.
    """
    scores = prediction.score.scores or {NO_TONE: 1.0}
    if not raw:
        return scores
    return {tone: math.log(max(score, _SMALLEST)) for tone, score in scores.items()}
