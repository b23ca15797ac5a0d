"""Bounds on what callers may cost: bodies in size and time, predictions in number."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fastapi import HTTPException, status
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_GONE: Message = {"type": "http.disconnect"}


class Places:
    """Predictions in work at a time.

    A place is taken once a request has been read, so that a slow body holds none, and only to
    predict, so that the status and the health checks never wait for one.
    """

    def __init__(self, requests: int, texts: int) -> None:
        """Start with all places free; a single request may have more texts than all together."""
        self._requests = requests
        self._max_texts = texts
        self._texts = 0

    @contextmanager
    def taken(self, texts: int) -> Iterator[None]:
        """Hold a place for a request with so many texts.

        Raises:
            HTTPException: 429, for there is none.
        """
        if not self._requests or (self._texts and self._texts + texts > self._max_texts):
            raise HTTPException(
                status.HTTP_429_TOO_MANY_REQUESTS, "too many predictions at a time",
                {"Retry-After": "1"},
            )  # fmt: skip
        self._requests -= 1
        self._texts += texts
        try:
            yield
        finally:
            self._requests += 1
            self._texts -= texts


class BodyLimit:
    """ASGI middleware: bounds request bodies, chunked ones as well, in size, time and sum.

    Once a body is known to be over a limit no more of it is read.

    Attributes:
        max_bytes: Of one body.
        max_sum: Bytes of the bodies of all requests in work.
        seconds: Until a body must have come.
        held: Bytes received of all requests in work.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, max_sum: int, seconds: float) -> None:
        self._app = app
        self.max_bytes = max_bytes
        self.max_sum = max_sum
        self.seconds = seconds
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(self, scope, receive)

        async def unless_refused(message: Message) -> None:
            if not body.refusal:
                await send(message)

        try:
            with suppress(ClientDisconnect):
                await self._app(scope, body.receive, unless_refused)
            if body.refusal:
                await body.refusal(scope, receive, send)
        finally:
            self.held -= body.size


class _Body:
    """A body on its way in.

    Attributes:
        size: Bytes so far.
        refusal: What to answer in place of the application; None while all is well.
    """

    def __init__(self, limit: BodyLimit, scope: Scope, receive: Receive) -> None:
        self._limit = limit
        self._receive = receive
        self._deadline = time.monotonic() + limit.seconds
        self._whole = False
        self.size = 0
        self.refusal: JSONResponse | None = None
        length = dict(scope["headers"]).get(b"content-length", b"")
        # a body that says it is too large is refused unread
        self._check(int(length[:20]) if length.isdigit() else 0)

    async def receive(self) -> Message:
        """Receive the next part; to the application a body that is refused has no end."""
        if self.refusal:
            return _GONE
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            # the rest may never come: only a new connection can bring another request
            self._refuse(
                408,
                f"the body did not come within {self._limit.seconds:g} s",
                {"Connection": "close"},
            )
            return _GONE
        self._whole = not message.get("more_body", False)
        size = len(message.get("body", b""))
        self.size += size
        self._limit.held += size
        self._check(self.size)
        return _GONE if self.refusal else message

    def _check(self, size: int) -> None:
        if size > self._limit.max_bytes:
            self._refuse(413, f"body over {self._limit.max_bytes} bytes", {})
        elif self.size and self._limit.held > self._limit.max_sum:
            self._refuse(429, "too many large bodies at a time", {"Retry-After": "1"})

    def _refuse(self, code: int, detail: str, headers: dict[str, str]) -> None:
        self.refusal = JSONResponse({"detail": detail}, code, headers)
