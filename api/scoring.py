"""Scores for a caller over HTTP, for as long as the caller waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import HTTPException, status
from starlette.requests import ClientDisconnect

from api.callers import has_left_already
from connectors.errors import BadInput, Unavailable
from daemon.pipeline.asking import NoWorker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request

    from api.callers import Callers
    from api.limits import Places
    from daemon.pipeline.asking import Prediction
    from daemon.pipeline.predictor import Predictor

_RETRY_AFTER = {"Retry-After": "2"}
_CALLER_LEFT = 499


async def score(request: Request, model: str, texts: Sequence[str]) -> list[Prediction]:
    """Return what became of each text; the caller's place and texts are gone afterwards.

    Args:
        request: The caller's, who may leave meanwhile.
        model: Its name in the settings; where empty, the language of each text decides.
        texts: What to score.

    Raises:
        HTTPException: What to answer in place of scores.
    """
    state = request.app.state
    predictor: Predictor = state.predictor
    places: Places = state.places
    callers: Callers = state.callers
    if model and model not in predictor.identities:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no model of that name")
    if predictor.fault:
        raise _unavailable("the broker cannot be reached")
    if predictor.ailment():
        raise _unavailable("this process can predict no more")
    # many who did must not take the time of others
    if await has_left_already(request):
        raise HTTPException(_CALLER_LEFT, "the caller has left")
    with places.taken(len(texts)):
        asked = predictor.predict(model, texts)
        try:
            return await callers.answers(request, asked)
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


def _unavailable(detail: str) -> HTTPException:
    return HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, detail, _RETRY_AFTER)
