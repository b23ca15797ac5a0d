"""Before every request: who may ask; after it: headers and counts."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING

import structlog
from starlette.responses import JSONResponse

from daemon.telemetry import metrics

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from daemon.telemetry.registry import Registry

_OPEN_PATHS = frozenset({"/", "/health", "/healthz", "/readyz"})
_OPEN_PREFIX = "/static/"
_LOG_SECONDS = 10.0
_OTHER = "other"
_log = structlog.get_logger(__name__)

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

    The page itself and the health checks are open to all: they show no number and no text. All
    else wants the token, where there is one.
    """

    def __init__(self, app: ASGIApp, *, token: str, registry: Registry) -> None:
        """Wrap an application; an empty token asks for none."""
        self._app = app
        self._token = token.encode()
        self._registry = registry
        self._quiet_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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
            self._registry.count(metrics.REQUESTS, route, str(status))
            if route != "/events":
                seconds = time.perf_counter() - begun
                self._registry.histogram(metrics.REQUEST_SECONDS, route).observe(seconds)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._may_ask(scope):
            await self._app(scope, receive, send)
            return
        self._log_refusal(scope)
        refusal = JSONResponse(
            {"detail": "missing or wrong bearer token"}, 401, {"WWW-Authenticate": "Bearer"}
        )
        await refusal(scope, receive, send)

    def _may_ask(self, scope: Scope) -> bool:
        path = scope["path"]
        open_to_all = path in _OPEN_PATHS or path.startswith(_OPEN_PREFIX)
        if not self._token or (open_to_all and scope["method"] == "GET"):
            return True
        given = dict(scope["headers"]).get(b"authorization", b"")
        scheme, _, token = given.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)

    def _log_refusal(self, scope: Scope) -> None:
        """Name a caller now and then: a page without its token asks each second."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _LOG_SECONDS
            client = scope.get("client")
            _log.info("token_refused", client=client[0] if client else "")
