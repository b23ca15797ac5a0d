"""Health, readiness, status and the status page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request, Response, status
from fastapi.responses import FileResponse, StreamingResponse
from prometheus_client import generate_latest

from api.status.schemas import Health, Readiness, Status
from daemon.contract import asyncapi

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from api.status.poller import Poller
    from api.vitals import Vitals
    from daemon.settings import Settings

_PAGE = Path(__file__).parent.parent / "static" / "index.html"
_MAX_FOLLOWERS = 64
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
router = APIRouter()


def _poller(request: Request) -> Poller:
    poller: Poller = request.app.state.poller
    return poller


@router.get("/", include_in_schema=False)
async def page() -> FileResponse:
    return FileResponse(_PAGE, headers={"Cache-Control": "no-cache"})


@router.get(
    "/healthz",
    tags=["health"],
    response_model_exclude_defaults=True,
    responses={503: {"model": Health, "description": "Only a restart helps"}},
)
@router.get("/health", include_in_schema=False)
async def healthz(request: Request, response: Response) -> Health:
    """Say whether the process can do its work; it says nothing of what the process stands on."""
    vitals: Vitals = request.app.state.vitals
    if ailment := vitals.ailment():
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
        return Health(status="failed", detail=ailment)
    return Health(status="ok")


@router.get(
    "/readyz",
    tags=["health"],
    responses={503: {"model": Readiness, "description": "It starts, stops, or has failed"}},
)
async def readyz(request: Request, response: Response) -> Readiness:
    """Say whether this process answers requests; `parts` says how all stands, and decides nothing.

    Where RabbitMQ, the workers or the daemons are away, the page that says so must stay reachable.
    """
    vitals: Vitals = request.app.state.vitals
    ready = vitals.serving
    if not ready:
        response.status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    return Readiness(ready=ready, parts=_poller(request).status().parts)


@router.get("/status", tags=["status"])
async def show_status(request: Request) -> Status:
    """Give everything an operator wants to know at a glance, not older than a second."""
    return _poller(request).status()


@router.get(
    "/events",
    tags=["status"],
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "One server-sent event a second; its data is what `/status` gives",
        },
        429: {"description": "Too many follow already"},
    },
)
async def events(request: Request) -> StreamingResponse:
    """Follow the status: the same as `/status`, each second."""
    state = request.app.state
    if getattr(state, "followers", 0) >= _MAX_FOLLOWERS:
        raise HTTPException(
            status.HTTP_429_TOO_MANY_REQUESTS, "too many follow already", {"Retry-After": "10"}
        )

    async def stream() -> AsyncIterator[str]:
        state.followers = getattr(state, "followers", 0) + 1
        try:
            async for found in _poller(request).follow():
                yield f"data: {found.model_dump_json()}\n\n"
        finally:
            state.followers -= 1

    return StreamingResponse(
        stream(),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get(
    "/metrics",
    tags=["status"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def show_metrics(request: Request) -> Response:
    """Give this process's metrics in Prometheus's format."""
    return Response(generate_latest(request.app.state.registry), media_type=_PROMETHEUS)


@router.get("/asyncapi.json", tags=["status"])
async def show_contract(request: Request) -> dict[str, Any]:
    """Give every exchange, queue, key and message of the running configuration, as AsyncAPI 3."""
    settings: Settings = request.app.state.settings
    return asyncapi.asyncapi(settings)
