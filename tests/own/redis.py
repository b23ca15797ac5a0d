"""A Redis of a test's own."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from tests.own.server import HOST, Server, free_port
from tests.servers import ServerMissingError, answers, check_redis

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.tls import Tls


def program() -> str:
    """Return the server to start: `TEST_REDIS` names another than `redis-server`, such as Valkey's.

    Raises:
        ServerMissingError: It is not installed.
    """
    name = os.environ.get("TEST_REDIS") or "redis-server"
    found = shutil.which(name)
    if not found:
        raise ServerMissingError(f"{name} is not installed")
    return found


class OwnRedis(Server):
    """A Redis that appends to a file.

    Attributes:
        plain_url: Where it listens without TLS too, for those who look on.
    """

    def __init__(
        self, directory: Path, *options: str, tls: Tls | None = None, password: str = ""
    ) -> None:
        """Lay out its directory; start nothing yet.

        Args:
            directory: Where it keeps its data; must not exist.
            options: More of its command line.
            tls: Its certificate, by which it is `localhost`; clients must show one too.
            password: What it asks for; empty for nothing.
        """
        super().__init__(directory)
        self._port = free_port()
        self._options = list(options)
        login = f":{password}@" if password else ""
        self.url = self.plain_url = f"redis://{login}{HOST}:{self._port}/0"
        if password:
            self._options += ["--requirepass", password]
        if tls:
            port = free_port()
            self.url = f"rediss://{login}localhost:{port}/0"
            self._options += [
                "--tls-port", str(port), "--tls-ca-cert-file", tls.ca_file,
                "--tls-cert-file", tls.cert_file, "--tls-key-file", tls.key_file,
            ]  # fmt: skip

    def command(self) -> list[str]:
        return [
            program(), "--bind", HOST, "--port", str(self._port), "--save", "",
            "--appendonly", "yes", "--appendfsync", "everysec", *self._options,
        ]  # fmt: skip

    def answers(self) -> bool:
        return answers(check_redis, self.plain_url)
