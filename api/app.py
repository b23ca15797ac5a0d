"""The application: its parts, its limits, and what it says when something is wrong."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from fastapi import FastAPI, HTTPException, Request, status
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from api.auth import Gate
from api.callers import Callers
from api.limits import BodyLimit, Places
from api.plain_http import PlainHttp
from api.routes import classify, predict
from api.routes import status as status_routes
from api.status.poller import Poller
from api.vitals import Vitals
from connectors.errors import Misconfigured
from connectors.urls import is_loopback
from daemon import settings
from daemon.pipeline.predictor import Predictor
from daemon.process import wiring
from daemon.telemetry import prometheus
from daemon.telemetry.release import RELEASE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from connectors.cache import Store
    from connectors.ports import Edges
    from daemon.settings import Settings

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_BODIES_BYTES = 64 * 1024 * 1024
STATIC = Path(__file__).parent / "static"
_SUMMARY = "Labels the tone of messages on a RabbitMQ bus, and of texts that are sent here."
_log = structlog.get_logger(__name__)


def create_app(configuration: Settings | None = None) -> FastAPI:
    """Return the application as the settings want it; None reads them, for servers of other makes.

    Raises:
        Misconfigured: The settings are wrong, or open the service to others without a token.
    """
    configuration = configuration or settings.load()
    edges = wiring.rabbit(configuration, f"tonebus api {os.getpid()}")
    return build(configuration, edges, wiring.redis_store(configuration))


def build(configuration: Settings, edges: Edges, store: Store) -> FastAPI:
    """Return the application over the given edges.

    Raises:
        Misconfigured: The settings open the service to others without a token.
    """
    if not configuration.api.token and not is_loopback(configuration.api.host):
        raise Misconfigured(
            f"api host {configuration.api.host!r} is open to others, and there is no token. "
            "Fix: set TONEBUS_API_TOKEN, or host = '127.0.0.1'"
        )
    predictor = Predictor(
        configuration, edges=edges, cache=wiring.cache(configuration, store),
        identities=wiring.identities(configuration), pauses=wiring.RECONNECT_PAUSES,
    )  # fmt: skip
    poller = Poller(
        predictor, store, consuming=bool(configuration.connectors),
        further=wiring.further_models(configuration),
    )  # fmt: skip
    vitals = Vitals(predictor)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        predictor.start()
        await poller.look()
        watching = asyncio.create_task(poller.run())
        vitals.begin(watching)
        _log.info("api_ready", host=configuration.api.host, port=configuration.api.port)
        yield
        vitals.end()
        watching.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await watching
        predictor.stop()
        _log.info("api_stopped")

    app = FastAPI(
        title="Tonebus", summary=_SUMMARY, version=RELEASE, lifespan=lifespan,
        docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.settings = configuration
    app.state.predictor = predictor
    app.state.places = Places(configuration.api.concurrency, configuration.api.waiting_texts)
    app.state.callers = Callers(configuration.api.predict_timeout)
    app.state.poller = poller
    app.state.vitals = vitals
    app.state.registry = prometheus.collectors(predictor.registry, poller.measure)
    routers = (predict.router, classify.router, status_routes.router)
    for router in routers:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(RequestValidationError, _say_what_is_wrong)
    app.add_middleware(
        BodyLimit,
        max_bytes=MAX_BODY_BYTES,
        max_sum=MAX_BODIES_BYTES,
        seconds=configuration.api.body_timeout,
    )
    app.add_middleware(Gate, token=configuration.api.token, registry=predictor.registry)
    routes = [*app.routes, *(route for router in routers for route in router.routes)]
    app.add_middleware(PlainHttp, {each.path for each in routes if isinstance(each, Route)})
    return app


async def _say_what_is_wrong(_request: Request, error: Exception) -> JSONResponse:
    """Name the fields that are wrong, and never echo what was in them."""
    if not isinstance(error, RequestValidationError):
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT) from error
    faults = [{"where": _where(each), "what": each["msg"]} for each in error.errors()]
    return JSONResponse({"detail": faults}, status.HTTP_422_UNPROCESSABLE_CONTENT)


def _where(fault: dict[str, object]) -> str:
    """Say which field is wrong; the name of an unknown one is the caller's, and not repeated."""
    place = fault["loc"]
    parts = list(place) if isinstance(place, tuple) else []
    if fault["type"] == "extra_forbidden":
        parts[-1:] = ["…"]
    return ".".join(map(str, parts))
