"""The API's server, under a watchdog that is fed while the process can do its work."""

from __future__ import annotations

import contextlib
import importlib
import logging
import math
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connectors.errors import Misconfigured
from daemon.process.systemd import Supervisor
from daemon.process.threads import EX_SOFTWARE

if TYPE_CHECKING:
    import asyncio

    from daemon.settings import Settings

_DRAIN_AT_MOST = 15
_STARTUP_FAILED = 3
_TICKS_A_SECOND = 10
_QUIET_SECONDS = 10.0
_errors = logging.getLogger("uvicorn.errors")
_errors.setLevel(logging.ERROR)
_log = structlog.get_logger(__name__)


class Prompt(HttpToolsProtocol):
    """uvicorn's protocol, that does not wait for ever for the head of a request.

    Attributes:
        seconds: For which it waits.
        quiet_until: Monotonic seconds until when no malformed request is logged, of any client.
    """

    seconds = 10.0
    quiet_until = 0.0
    _late: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        super().__init__(*args, **kwargs)
        # of what clients send uvicorn warns in a sentence, for each request, and names no client
        self.logger = _errors

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._heard()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; log it now and then: a scan of ports sends a lot."""
        now = time.monotonic()
        if now >= Prompt.quiet_until:
            Prompt.quiet_until = now + _QUIET_SECONDS
            _log.warning("request_malformed", client=self.client[0] if self.client else "")
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """Wait for the rest of the head, of which the first bytes have come."""
        super().on_message_begin()
        if not self._late:
            self._wait()

    def on_headers_complete(self) -> None:
        """Leave the body to the application."""
        self._heard()
        super().on_headers_complete()

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.seconds, self.transport.close)

    def _heard(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None


class Watched(uvicorn.Server):
    """uvicorn, telling the supervisor when it answers, and that the process does its work.

    Attributes:
        failed: Whether it ended since a part of the process had.
    """

    def __init__(self, config: uvicorn.Config, supervisor: Supervisor, state: Any) -> None:  # noqa: ANN401 - Starlette's state has no types
        """Prepare; nothing listens yet.

        The application's state has `vitals`, which say how the process is, and `watch`, which ends
        the streams.
        """
        super().__init__(config)
        self._supervisor = supervisor
        self._state = state
        self.failed = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._supervisor.ready(f"answering on http://{self.config.host}:{self.config.port}")

    async def on_tick(self, counter: int) -> bool:
        """Feed the watchdog once a second, unless the process is ill; end it if nothing helps."""
        if counter % _TICKS_A_SECOND == 0:
            self._look()
        return await super().on_tick(counter)

    def _look(self) -> None:
        vitals = self._state.vitals
        ailment = vitals.ailment()
        if not ailment:
            self._supervisor.feed()
            served = self.server_state.total_requests
            fault = self._state.predictor.fault
            self._supervisor.status(
                f"answering on http://{self.config.host}:{self.config.port}; "
                f"{served} requests so far{fault and f'; RabbitMQ cannot be reached: {fault}'}"
            )
            return
        self._supervisor.status(ailment)
        if vitals.fatal:
            self.failed = self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        drain = self.config.timeout_graceful_shutdown or 0
        self._supervisor.stopping(drain + 10, "finishing the last requests")
        await self._state.poller.close()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve the API until told to stop.

    Raises:
        Misconfigured: The settings are wrong, or open the service to others without a token.
        SystemExit: It could not start, or a part of it failed.
    """
    # by name, as uvicorn would: nothing here may import what stands above it
    app = importlib.import_module("api.app").create_app(settings)
    api = settings.api
    config = uvicorn.Config(
        app,
        http=type("Http", (Prompt,), {"seconds": api.body_timeout}),
        host=api.host,
        port=api.port,
        log_config=None,
        access_log=False,
        proxy_headers=bool(api.trusted_proxies),
        forwarded_allow_ips=api.trusted_proxies,
        server_header=False,
        timeout_keep_alive=api.keep_alive,
        # a prediction in work may take its time; nothing else delays a stop
        timeout_graceful_shutdown=min(math.ceil(api.predict_timeout), _DRAIN_AT_MOST),
    )
    listeners = _listen(api.host, api.port)
    server = Watched(config, Supervisor(), app.state)
    with contextlib.suppress(KeyboardInterrupt):
        # at its end, uvicorn raises the signal that stopped it once more
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server.run(listeners)
    if not server.started:
        sys.exit(_STARTUP_FAILED)
    if server.failed:
        sys.exit(EX_SOFTWARE)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Open the sockets before anything starts, since uvicorn would only log that it could not."""
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        # a name may stand for an address of IPv4 and one of IPv6
        return [
            socket.create_server(place[:2], family=family)
            for family, place in dict.fromkeys((each[0], each[4]) for each in found)
        ]
    except (OSError, UnicodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not a host name"
        raise Misconfigured(
            f"api.host {host!r}, api.port {port}: {said}. Fix: set TONEBUS_API_HOST to an address "
            "of this machine, and TONEBUS_API_PORT to a port that is free"
        ) from error
