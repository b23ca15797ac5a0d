"""A running API among the real processes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.api.raw import Connection
from tests.own.server import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.raw import Reply
    from tests.e2e.stage import Stage
    from tests.processes import Process


class Api:
    """A running API.

    Attributes:
        process: Its process.
        url: Where it listens.
    """

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}/"
        until(lambda: not self.refuses())  # it says that it is ready a moment before

    def get(self, path: str, **headers: str) -> Reply:
        with Connection(self.url) as connection:
            return connection.get(path, **headers)

    def predict(self, text: str) -> Reply:
        with Connection(self.url) as connection:
            return connection.post("/predict", {"text": text})

    def metric(self, name: str) -> float | None:
        """The value of a line of `/metrics`; None where there is none."""
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(f"{name} "):
                return float(line.rpartition(" ")[2])
        return None

    def refuses(self) -> bool:
        """Whether it listens no more, or not yet."""
        try:
            Connection(self.url).close()
        except ConnectionRefusedError:
            return True
        return False


@contextmanager
def api(stage: Stage, **env: str) -> Iterator[Api]:
    port = free_port()
    yield Api(stage.start("api", TONEBUS_API_PORT=str(port), **env), port)
