"""Who waits for an answer: until when, and whether they are still there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from fastapi import Request
    from starlette.types import Message

    from daemon.pipeline.asking import Asked, Prediction

_LOOK_SECONDS = 0.25


class _Caller(NamedTuple):
    request: Request
    until: float


class Callers:
    """Those who wait, looked at together: a timer and a task for each would cost more than a score.

    Used on the event loop alone.
    """

    def __init__(self, seconds: float) -> None:
        """Nobody waits yet; later, nobody waits longer than so many seconds."""
        self._seconds = seconds
        self._pause = min(_LOOK_SECONDS, seconds)
        self._waiting: dict[asyncio.Future[list[Prediction]], _Caller] = {}
        self._looking = False

    async def answers(self, request: Request, asked: Asked) -> list[Prediction]:
        """Wait for all answers, as long as the caller does.

        Raises:
            TimeoutError: They did not come in time.
            ClientDisconnect: The caller has left.
        """
        loop = asyncio.get_running_loop()
        self._waiting[asked.future] = _Caller(request, loop.time() + self._seconds)
        if not self._looking:
            self._looking = True
            loop.call_later(self._pause, self._look, loop)
        try:
            return await asked.future
        finally:
            del self._waiting[asked.future]

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Fail the answers of those who have left or waited too long; look again while one waits.

        A caller who is answered before the next look costs nothing more.
        """
        self._looking = bool(self._waiting)
        if self._looking:
            loop.call_later(self._pause, self._look, loop)
        now = loop.time()
        for answer, caller in self._waiting.items():
            if answer.done():
                continue
            if _has_left(caller.request):
                answer.set_exception(ClientDisconnect())
            elif now >= caller.until:
                answer.set_exception(TimeoutError())


async def has_left_already(request: Request) -> bool:
    """Return whether the caller of a request that has just been read has hung up."""
    # once for the loop to read of it, and once to be told
    for _ in range(2):
        await asyncio.sleep(0)
    return _has_left(request)


def _has_left(request: Request) -> bool:
    """Return whether the loop has read that a caller, whose body is read, has hung up.

    `Request.is_disconnected` finds out by a cancelled task group, at a tenth of a request's time.
    """
    waiting = cast("Coroutine[Any, None, Message]", request.receive())
    try:
        waiting.send(None)
    except StopIteration as received:
        return bool(received.value["type"] == "http.disconnect")
    waiting.close()
    return False
