"""vLLM's way to ask for classes: `/classify`, and the list of models that its clients ask first."""

from __future__ import annotations

import time
import uuid
from typing import Any

from fastapi import APIRouter, Request, Response

from api.answers import REFUSALS, answer, labels
from api.schemas import ClassesOut, ClassifyRequest, ModelList
from api.scoring import score

router = APIRouter(tags=["predict"])


@router.post("/classify", response_model=ClassesOut, responses=REFUSALS)
@router.post("/v1/classify", include_in_schema=False)
async def classify(body: ClassifyRequest, request: Request) -> Response:
    """Score one text, or several, as vLLM's `/classify` does.

    `probs` are in the order of the model's own labels. With `use_activation` false they are raw
    scores, up to a constant that softmax takes away.
    """
    found = await score(request, body.model or "", body.texts())
    tokens = sum(each.score.tokens for each in found)
    data = []
    for index, each in enumerate(found):
        probs = labels(each, raw=body.raw())
        data.append(
            {
                "index": index,
                "label": max(probs, key=probs.__getitem__),
                "probs": list(probs.values()),
                "num_classes": len(probs),
            }
        )
    return answer(
        {
            "id": f"classify-{uuid.uuid4().hex}",
            "object": "list",
            "created": int(time.time()),
            "model": body.model or request.app.state.settings.usual_models[0],
            "data": data,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0},
        }
    )


@router.get("/v1/models", response_model=ModelList)
async def list_models(request: Request) -> dict[str, Any]:
    """List the models of the settings, by the names under which they can be asked."""
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "owned_by": "tonebus"}
            for name in request.app.state.predictor.identities
        ],
    }
