"""The API's server, under a watchdog that its event loop feeds."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import uvicorn

from daemon.process.systemd import Supervisor

if TYPE_CHECKING:
    import socket

_DRAIN_SECONDS = 5
_STARTUP_FAILED = 3


class Watched(uvicorn.Server):
    """uvicorn, telling the supervisor when it answers, and that its loop goes round."""

    def __init__(self, config: uvicorn.Config, supervisor: Supervisor) -> None:
        """Prepare; nothing listens yet."""
        super().__init__(config)
        self._supervisor = supervisor

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so once requests are answered."""
        await super().startup(sockets)
        if self.started:
            self._supervisor.ready(f"answering on http://{self.config.host}:{self.config.port}")

    async def on_tick(self, counter: int) -> bool:
        """Feed the watchdog once a second; uvicorn ticks ten times."""
        if counter % 10 == 0:
            self._supervisor.feed()
            served = self.server_state.total_requests
            self._supervisor.status(
                f"answering on http://{self.config.host}:{self.config.port}; "
                f"{served} requests so far"
            )
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is asked already, and end."""
        self._supervisor.stopping(_DRAIN_SECONDS + 10, "finishing the last requests")
        await super().shutdown(sockets)


def serve(host: str, port: int) -> None:
    """Serve the API until told to stop.

    Raises:
        SystemExit: It could not start.
    """
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = Watched(config, Supervisor())
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(_STARTUP_FAILED)
