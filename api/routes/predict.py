"""The tone of a text over HTTP: our own shape, and those of existing clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response, status

from api.answers import REFUSALS, answer, labels
from api.schemas import (
    EXAMPLES,
    Labelled,
    PredictionOut,
    PredictionsOut,
    PredictRequest,
    TextRequest,
)
from api.scoring import score

if TYPE_CHECKING:
    from daemon.pipeline.asking import Prediction

router = APIRouter(tags=["predict"], responses=REFUSALS)
ModelName = Annotated[
    str,
    Query(
        max_length=64,
        description="A model of the settings; where empty, each text goes to one that reads it.",
    ),
]


@router.post("/", include_in_schema=False)
@router.post(
    "/predict",
    openapi_extra=EXAMPLES,
    response_model=PredictionOut | PredictionsOut | list[Labelled] | list[list[Labelled]],
)
async def predict(body: PredictRequest, request: Request, model: ModelName = "") -> Response:
    """Score one text, or several, ahead of any backlog on the bus.

    With `text` or `texts` the answer is Tonebus's own. With `inputs` it is that of Hugging Face's
    text-embeddings-inference: a list of labels with their scores, the highest first, for one
    string, and a list of such lists for a batch `[["…"], ["…"]]`. Members that this model has no
    use for, such as the `parameters` of Hugging Face's client, are ignored there.
    """
    if body.inputs is not None:
        found = await score(request, model, body.sequences())
        if body.truncate is False and any(each.score.truncated for each in found):
            raise HTTPException(
                status.HTTP_413_CONTENT_TOO_LARGE, "a text is longer than the model can take"
            )
        lists = [_ranked(each, raw=body.raw_scores) for each in found]
        return answer(lists if body.batched() else lists[0])
    if body.text is not None:
        return answer(_out((await score(request, model, [body.text]))[0]))
    found = await score(request, model, body.texts or [])
    return answer({"predictions": [_out(each) for each in found]})


@router.post("/api/predict/", response_model=Labelled)
@router.post("/api/predict", include_in_schema=False)
async def predict_label(body: TextRequest, request: Request, model: ModelName = "") -> Response:
    """Score one text: nothing but its label and the label's score."""
    prediction = (await score(request, model, [body.text]))[0]
    tone = prediction.score.tone
    return answer({"label": tone, "score": prediction.score.scores.get(tone, 0.0)})


def _ranked(prediction: Prediction, *, raw: bool | None) -> list[dict[str, Any]]:
    """List labels as text-embeddings-inference does, the most probable first."""
    found = labels(prediction, raw=raw).items()
    return [
        {"label": tone, "score": score} for tone, score in sorted(found, key=lambda pair: -pair[1])
    ]


def _out(prediction: Prediction) -> dict[str, Any]:
    score = prediction.score
    return {
        "tone": score.tone,
        "score": score.scores.get(score.tone, 0.0),
        "scores": score.scores,
        "tokens": score.tokens,
        "truncated": score.truncated,
        "cached": prediction.cached,
        "model": prediction.model,
        "language": prediction.language.tag,
        "language_confidence": prediction.language.confidence,
        "reason": prediction.reason,
    }
