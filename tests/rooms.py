"""Rooms of our own in the real servers.

A test run never touches the queues and keys that it found: it works in virtual hosts and in a Redis
database of its own. Each carries the id of the process that made it, so that the next run clears
away what a killed one left.
"""

from __future__ import annotations

import functools
import os
import socket
import urllib.parse
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import redis

from tests.administration import FAILURES, ways
from tests.servers import (
    BROKER_URL,
    REDIS_URL,
    ServerMissingError,
    answers,
    check_broker,
    check_redis,
    redis_client,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.administration import Administration

_PREFIX = "tonebus-test"
_OWNER = f"{_PREFIX}:owner"
_MOST_AT_ONCE = 16


@contextmanager
def own_vhost(url: str = BROKER_URL) -> Iterator[str]:
    """A new, empty virtual host; gone afterwards with all that is in it.

    Yields:
        The URL that leads into it.

    Raises:
        ServerMissingError: RabbitMQ does not answer, or gives no virtual host.
    """
    with own_vhosts(url) as new:
        yield new()


@contextmanager
def own_vhosts(url: str = BROKER_URL) -> Iterator[Callable[[], str]]:
    """New, empty virtual hosts; gone afterwards with all that is in them.

    Made by `rabbitmqctl` where we may run it, else by the management API. Where neither serves, a
    URL that names a virtual host other than the default is taken to be set aside for tests.

    Yields:
        What returns the URL that leads into another one.

    Raises:
        ServerMissingError: RabbitMQ does not answer, or gives no virtual host.
    """
    check_broker(url)
    for way in ways(url):
        vhosts = _Vhosts(way, url)
        try:
            _sweep(way)
            vhosts.make()
        except FAILURES:
            continue
        try:
            # The node that rabbitmqctl found need not be the one behind the URL.
            if vhosts.answer():
                yield vhosts.take
                return
        finally:
            vhosts.delete()
    if urllib.parse.unquote(urllib.parse.urlsplit(url).path) in {"", "/", "//"}:
        raise ServerMissingError(
            f"RabbitMQ at {shown(url)}: no virtual host can be made for the tests; run them as "
            "root beside the server, enable its management plugin, or name a virtual host that "
            "they may fill in TONEBUS_BROKER_URL"
        )
    yield lambda: url


class _Vhosts:
    """Virtual hosts of this process, made several at a time."""

    def __init__(self, way: Administration, url: str) -> None:
        self._way = way
        self._url = url
        self._made: list[str] = []
        self._free: list[str] = []

    def make(self) -> None:
        """Make as many as there are, up to a bound: who wants many will want more."""
        count = min(max(len(self._made), 1), _MOST_AT_ONCE)
        names = [f"{_PREFIX}-{os.getpid()}-{uuid.uuid4().hex[:8]}" for _ in range(count)]
        self._way.add_vhosts(names)
        self._made += names
        self._free += names

    def answer(self) -> bool:
        """Whether one of those just made is behind the URL."""
        return answers(check_broker, _with_path(self._url, self._free[0]))

    def take(self) -> str:
        """Return the URL that leads into another one."""
        if not self._free:
            self.make()
        return _with_path(self._url, self._free.pop())

    def delete(self) -> None:
        """Delete all."""
        self._way.delete_vhosts(self._made)


@contextmanager
def own_redis(url: str = REDIS_URL) -> Iterator[str]:
    """A database that was empty; empty again afterwards.

    Yields:
        The URL that leads into it.

    Raises:
        ServerMissingError: Redis does not answer, or every database is in use.
    """
    check_redis(url)
    for number in range(15, 0, -1):
        own = _with_path(url, str(number))
        with redis_client(own) as client:
            if not _claim(client):
                continue
            try:
                yield own
            finally:
                client.flushdb()
            return
    raise ServerMissingError(f"Redis at {shown(url)}: none of the databases 1 to 15 is empty")


def empty_redis(url: str) -> None:
    """Empty a database that `own_redis` gave, and keep it."""
    with redis_client(url) as client, client.pipeline(transaction=True) as steps:
        steps.flushdb()
        steps.set(_OWNER, _us())
        steps.execute()


def _us() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _claim(client: redis.Redis) -> bool:
    try:
        if client.set(_OWNER, _us(), nx=True):
            if client.dbsize() == 1:
                return True
            client.delete(_OWNER)
            return False
        host, _, pid = str(client.get(_OWNER)).rpartition(":")
        if host != socket.gethostname() or _alive(pid):
            return False
        client.flushdb()
        return bool(client.set(_OWNER, _us(), nx=True))
    except redis.ResponseError:  # configured with fewer databases
        return False


@functools.cache
def _sweep(way: Administration) -> None:
    """Delete what killed runs left."""
    ours = [name for name in way.vhosts() if name.startswith(f"{_PREFIX}-")]
    if left := [name for name in ours if not _alive(name.split("-")[2])]:
        way.delete_vhosts(left)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True


def _with_path(url: str, path: str) -> str:
    return urllib.parse.urlsplit(url)._replace(path=f"/{path}").geturl()
