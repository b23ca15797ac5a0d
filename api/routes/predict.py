"""The tone of a text over HTTP: our own shape, and two that existing clients speak."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response, status
from starlette.requests import ClientDisconnect

from api.schemas import (
    EXAMPLES,
    Complaint,
    Labelled,
    PredictionOut,
    PredictionsOut,
    PredictRequest,
    Rejection,
    TextRequest,
)
from connectors.errors import BadInput, Unavailable
from connectors.messages import NO_TONE
from daemon.pipeline.predictor import NoWorker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.limits import Places
    from daemon.pipeline.predictor import Prediction, Predictor
    from daemon.pipeline.predictor import Request as Asked
    from daemon.settings import Settings

_RETRY_AFTER = {"Retry-After": "2"}
_SMALLEST = 1e-12
_PROMPT_SECONDS = 0.05
_CALLER_LEFT = 499
_encode = msgspec.json.Encoder().encode
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Complaint, "description": "The body cannot be parsed"},
    401: {"model": Complaint, "description": "A token is asked for, and this is not it"},
    404: {"model": Complaint, "description": "No model has that name"},
    413: {"model": Complaint, "description": "The body is too large"},
    422: {"model": Rejection, "description": "A field is wrong, or a text cannot be scored"},
    429: {"model": Complaint, "description": "Too many requests at a time; try again"},
    503: {"model": Complaint, "description": "No worker answered in time; try again"},
}
router = APIRouter(tags=["predict"], responses=_REFUSALS)
ModelName = Annotated[
    str, Query(max_length=64, description="A model of the settings; the first where empty.")
]


@router.post(
    "/predict",
    openapi_extra=EXAMPLES,
    response_model=PredictionOut | PredictionsOut | list[Labelled] | list[list[Labelled]],
)
async def predict(body: PredictRequest, request: Request, model: ModelName = "") -> Response:
    """Score one text, or several, ahead of any backlog on the bus.

    With `text` or `texts` the answer is Tonebus's own. With `inputs` it is that of Hugging Face's
    text-embeddings-inference: a list of labels with their scores, the highest first, for one
    string, and a list of such lists for a batch `[["…"], ["…"]]`.
    """
    if body.inputs is not None:
        found = await _score(request, model, body.sequences())
        if body.truncate is False and any(each.score.truncated for each in found):
            raise HTTPException(
                status.HTTP_413_CONTENT_TOO_LARGE, "a text is longer than the model can take"
            )
        lists = [_labels(each, raw=body.raw_scores) for each in found]
        return _answer(lists if body.batched() else lists[0])
    if body.text is not None:
        return _answer(_out((await _score(request, model, [body.text]))[0]))
    found = await _score(request, model, body.texts or [])
    return _answer({"predictions": [_out(each) for each in found]})


@router.post("/api/predict/", response_model=Labelled)
@router.post("/api/predict", include_in_schema=False)
async def predict_label(body: TextRequest, request: Request, model: ModelName = "") -> Response:
    """Score one text: nothing but its label and the label's score."""
    prediction = (await _score(request, model, [body.text]))[0]
    tone = prediction.score.tone
    return _answer({"label": tone, "score": prediction.score.scores.get(tone, 0.0)})


async def _score(request: Request, model: str, texts: Sequence[str]) -> list[Prediction]:
    state = request.app.state
    settings: Settings = state.settings
    predictor: Predictor = state.predictor
    places: Places = state.places
    name = model or settings.models[0].name
    if name not in predictor.identities:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no model of that name")
    if predictor.fault:
        raise _unavailable("the broker cannot be reached")
    if predictor.ailment():
        raise _unavailable("this process can predict no more")
    with places.taken(len(texts)):
        asked = predictor.predict(name, texts)
        try:
            return await _answers(request, asked, settings.api.predict_timeout)
        except TimeoutError:
            raise _unavailable("no worker answered in time") from None
        except NoWorker as missing:
            raise _unavailable(str(missing)) from None
        except Unavailable:
            raise _unavailable("the broker was lost") from None
        except BadInput as bad:
            raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, bad.detail) from None
        except ClientDisconnect:
            # nobody reads it: only the metrics tell
            raise HTTPException(_CALLER_LEFT, "the caller has left") from None
        finally:
            predictor.withdraw(asked)


async def _answers(request: Request, asked: Sequence[Asked], seconds: float) -> list[Prediction]:
    """Wait for all answers, as long as the caller does.

    Raises:
        TimeoutError: They did not come in time.
        ClientDisconnect: The caller has left.
    """
    answers = asyncio.gather(*(each.future for each in asked), return_exceptions=True)
    # what is in the cache is here before it pays to watch the caller
    await asyncio.wait({answers}, timeout=min(_PROMPT_SECONDS, seconds))
    if not answers.done():
        gone = asyncio.ensure_future(_left(request))
        try:
            either: set[asyncio.Future[Any]] = {answers, gone}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not answers.done():
            raise ClientDisconnect if gone.done() else TimeoutError
    return [_unless_error(each) for each in answers.result()]


def _unless_error(outcome: Prediction | BaseException) -> Prediction:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _labels(prediction: Prediction, *, raw: bool) -> list[dict[str, Any]]:
    """List labels as text-embeddings-inference does, the most probable first.

    Raw scores are the logarithms of the probabilities: logits, up to a constant that softmax
    takes away again.
    """
    scores = prediction.score.scores or {NO_TONE: 1.0}
    return [
        {"label": tone, "score": math.log(max(score, _SMALLEST)) if raw else score}
        for tone, score in sorted(scores.items(), key=lambda pair: -pair[1])
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
    }


def _answer(content: object) -> Response:
    """Write what the schema promises; to check it once more would cost more than all else here."""
    return Response(_encode(content), media_type="application/json")


def _unavailable(detail: str) -> HTTPException:
    return HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, detail, _RETRY_AFTER)
