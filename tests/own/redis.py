"""A Redis of a test's own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.own.server import HOST, Server, free_port
from tests.servers import ServerMissingError, check_redis

if TYPE_CHECKING:
    from pathlib import Path


class OwnRedis(Server):
    """A Redis that appends to a file."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._port = free_port()
        self.url = f"redis://{HOST}:{self._port}/0"

    def command(self) -> list[str]:
        program = shutil.which("redis-server")
        if not program:
            raise ServerMissingError("redis-server is not installed")
        return [
            program, "--bind", HOST, "--port", str(self._port), "--save", "",
            "--appendonly", "yes", "--appendfsync", "everysec",
        ]  # fmt: skip

    def answers(self) -> bool:
        try:
            check_redis(self.url)
        except ServerMissingError:
            return False
        return True
