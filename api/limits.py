"""A bound on request bodies that holds for chunked ones as well."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware: answers 413 once a body is known to be too large, and reads no further."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        """Wrap an application; `max_bytes` bounds the body of one request."""
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting what it brings."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # a body that says it is too large counts as received, so that none of it is read
        length = dict(scope["headers"]).get(b"content-length", b"")
        announced = int(length) if length.isdigit() else 0
        received = announced if announced > self._max_bytes else 0

        async def counted() -> Message:
            nonlocal received
            message: Message = {} if received > self._max_bytes else await receive()
            received += len(message.get("body", b""))
            return {"type": "http.disconnect"} if received > self._max_bytes else message

        async def unless_too_large(message: Message) -> None:
            if received <= self._max_bytes:
                await send(message)

        with suppress(ClientDisconnect):
            await self._app(scope, counted, unless_too_large)
        if received > self._max_bytes:
            too_large = JSONResponse({"detail": f"body over {self._max_bytes} bytes"}, 413)
            await too_large(scope, receive, send)
