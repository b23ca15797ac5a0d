"""Scores for a caller over HTTP, for as long as the caller waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from fastapi import HTTPException, status
from starlette.requests import ClientDisconnect

from connectors.errors import BadInput, Unavailable
from daemon.pipeline.asking import NoWorker

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from fastapi import Request
    from starlette.types import Message

    from api.limits import Places
    from daemon.pipeline.asking import Asked, Prediction
    from daemon.pipeline.predictor import Predictor
    from daemon.settings import Settings

_RETRY_AFTER = {"Retry-After": "2"}
_PROMPT_SECONDS = 0.05
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
    settings: Settings = state.settings
    predictor: Predictor = state.predictor
    places: Places = state.places
    if model and model not in predictor.identities:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "no model of that name")
    if predictor.fault:
        raise _unavailable("the broker cannot be reached")
    if predictor.ailment():
        raise _unavailable("this process can predict no more")
    if await _has_left(request):
        raise HTTPException(_CALLER_LEFT, "the caller has left")
    with places.taken(len(texts)):
        asked = predictor.predict(model, texts)
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


async def _has_left(request: Request) -> bool:
    """Return whether the caller of a request whose body is read has hung up.

    Many who did must not take the time of others. `Request.is_disconnected` finds out by a
    cancelled task group, at a tenth of a request's time.
    """
    # once for the loop to read that a caller left, and once to be told
    for _ in range(2):
        await asyncio.sleep(0)
    waiting = cast("Coroutine[object, None, Message]", request.receive())
    try:
        waiting.send(None)
    except StopIteration as received:
        return bool(received.value["type"] == "http.disconnect")
    waiting.close()
    return False


async def _answers(request: Request, asked: Asked, seconds: float) -> list[Prediction]:
    """Wait for all answers, as long as the caller does.

    Raises:
        TimeoutError: They did not come in time.
        ClientDisconnect: The caller has left.
    """
    loop = asyncio.get_running_loop()
    watching: list[asyncio.Task[None]] = []

    def watch() -> None:
        watching.append(loop.create_task(_watch(request, asked.future, seconds - _PROMPT_SECONDS)))

    # what is in the cache is here before it pays to watch the caller and the clock
    timer = loop.call_later(_PROMPT_SECONDS, watch)
    try:
        return await asked.future
    finally:
        timer.cancel()
        for task in watching:
            task.cancel()


async def _watch(request: Request, answer: asyncio.Future[Any], seconds: float) -> None:
    """Fail an answer that has not come when its caller leaves, or after so many seconds."""
    error: Exception = ClientDisconnect()
    try:
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError as late:
        error = late
    if not answer.done():
        answer.set_exception(error)


def _unavailable(detail: str) -> HTTPException:
    return HTTPException(status.HTTP_503_SERVICE_UNAVAILABLE, detail, _RETRY_AFTER)
