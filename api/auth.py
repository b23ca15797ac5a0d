"""Before every request: who may ask, how many at a time; after it: headers and counts."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from daemon.telemetry import metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from daemon.telemetry.registry import Meter

_OPEN_PATHS = frozenset({"/", "/healthz", "/readyz"})
_OPEN_PREFIX = "/static/"
_UNCOUNTED = frozenset({"/healthz", "/readyz", "/events"})
_OTHER = "other"

HEADERS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }.items()
)


class Gate:
    """ASGI middleware around everything.

    The page itself and the health checks are open to all: they tell no number and no text. All
    else wants the token, where there is one.
    """

    def __init__(self, app: ASGIApp, *, token: str, concurrency: int, meter: Meter) -> None:
        """Wrap an application.

        Args:
            app: What is wrapped.
            token: Bearer token; empty asks for none.
            concurrency: Requests in work at a time.
            meter: Counts.
        """
        self._app = app
        self._token = token.encode()
        self._room = concurrency
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        try:
            await self._admit(scope, receive, dressed)
        finally:
            route = getattr(scope.get("route"), "path", _OTHER)
            self._meter.count(metrics.REQUESTS, route, str(status))
            if route != "/events":
                seconds = time.perf_counter() - begun
                self._meter.histogram(metrics.REQUEST_SECONDS, route).observe(seconds)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if not self._may_ask(scope, path):
            refusal = JSONResponse(
                {"detail": "missing or wrong bearer token"}, 401, {"WWW-Authenticate": "Bearer"}
            )
            await refusal(scope, receive, send)
            return
        if path in _UNCOUNTED:
            await self._app(scope, receive, send)
            return
        if not self._room:
            full = JSONResponse(
                {"detail": "too many requests at a time"}, 429, {"Retry-After": "1"}
            )
            await full(scope, receive, send)
            return
        self._room -= 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._room += 1

    def _may_ask(self, scope: Scope, path: str) -> bool:
        if not self._token or path in _OPEN_PATHS or path.startswith(_OPEN_PREFIX):
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)
