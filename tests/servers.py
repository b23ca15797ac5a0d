"""The real servers behind the tests: where they are, and whether they answer.

`python -m tests.servers broker` says so of RabbitMQ, for `scripts/servers.sh`.
"""

from __future__ import annotations

import os
import sys
import urllib.parse
from typing import TYPE_CHECKING

import amqp
import redis

if TYPE_CHECKING:
    from collections.abc import Callable

BROKER_URL = os.environ.get("TONEBUS_BROKER_URL") or "amqp://guest:guest@localhost:5672//"
REDIS_URL = os.environ.get("TONEBUS_REDIS_URL") or "redis://localhost:6379/0"

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
TIMEOUT = 30.0
"""Seconds for an answer; who is not there refuses at once, and a busy machine may be slow."""


class ServerMissingError(Exception):
    """A server does not answer, or gives no room of our own; the message says what to do."""


def check_broker(url: str = BROKER_URL) -> str:
    """Open and close a connection; return the server's version.

    Raises:
        ServerMissingError: RabbitMQ refused it, or did not answer.
    """
    parts = urllib.parse.urlsplit(url)
    try:
        with amqp.Connection(
            host=f"{parts.hostname}:{parts.port or 5672}",
            userid=urllib.parse.unquote(parts.username or "guest"),
            password=urllib.parse.unquote(parts.password or "guest"),
            virtual_host=urllib.parse.unquote(parts.path[1:]) or "/",
            connect_timeout=TIMEOUT,
            read_timeout=TIMEOUT,
            ssl=parts.scheme == "amqps",
        ) as connection:
            return str(connection.server_properties["version"])
    except (OSError, amqp.AMQPError) as error:
        raise ServerMissingError(f"RabbitMQ at {shown(url)}: {_cause(error)}") from None


def check_redis(url: str = REDIS_URL) -> str:
    """Ping; return the server's version.

    Raises:
        ServerMissingError: Redis refused it, or did not answer.
    """
    try:
        with redis_client(url) as client:
            client.ping()
            return str(client.info("server")["redis_version"])
    except redis.RedisError as error:
        raise ServerMissingError(f"Redis at {shown(url)}: {_cause(error)}") from None


def answers(check: Callable[[str], str], url: str) -> bool:
    """Whether a check (`check_broker`, `check_redis`) finds a server there."""
    try:
        check(url)
    except ServerMissingError:
        return False
    return True


def redis_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
    )


def shown(url: str) -> str:
    """The URL without its password."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="").geturl()


def _cause(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


def main() -> int:
    """`broker` or `redis`: say whether it answers.

    `--local broker`: print its port if it is on this machine. `--version broker`: print that alone.
    """
    *options, name = sys.argv[1:]
    url, check = {"broker": (BROKER_URL, check_broker), "redis": (REDIS_URL, check_redis)}[name]
    parts = urllib.parse.urlsplit(url)
    if options == ["--local"]:
        print(parts.port or {"broker": 5672, "redis": 6379}[name])
        return 0 if parts.hostname in LOOPBACK else 1
    try:
        version = check(url)
    except ServerMissingError as error:
        print(error, file=sys.stderr)
        return 1
    print(version if options else f"{name} {version} answers at {shown(url)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
