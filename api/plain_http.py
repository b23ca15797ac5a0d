"""What HTTP asks of a server, and FastAPI leaves out: HEAD, and slashes at the end of a path."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class PlainHttp:
    """ASGI middleware: answers HEAD as GET without the body, and a path as the one it means.

    A redirect from `/status/` to `/status` would name the scheme that a proxy has used to reach us,
    and lead a client that came by https to send its token over http. There is none.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app = app
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path not in self._paths and (meant := path.rstrip("/")) in self._paths:
            scope = {**scope, "path": meant, "raw_path": meant.encode()}
        if scope["method"] == "HEAD":
            await self._head({**scope, "method": "GET"}, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the head alone; what would follow it, without end perhaps, is not awaited."""
        begun = asyncio.Event()

        async def head_only(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                begun.set()

        answering = asyncio.ensure_future(self._app(scope, receive, head_only))
        answered = asyncio.ensure_future(begun.wait())
        try:
            await asyncio.wait({answering, answered}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answered.cancel()
            if begun.is_set():
                answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering
