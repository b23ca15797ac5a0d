"""Where Redis is: its URL read strictly, and a client that goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import redis
from redis.sentinel import Sentinel

from connectors import urls
from connectors.tls import SYSTEM_TRUST, Tls
from connectors.urls import WrongUrl

if TYPE_CHECKING:
    from connectors.urls import Url

_EXAMPLE = "redis://user:password@host:6379/0"
_SENTINEL_EXAMPLE = "redis+sentinel://user:password@host:26379,host:26379/name/0"
_SCHEMES = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
    "redis+sentinel": "redis",
    "rediss+sentinel": "rediss",
}
"""Each scheme that is understood, and what it comes down to: plain, TLS or a socket in a file."""
_PORT, _SENTINEL_PORT = 6379, 26379
_SETTINGS = {
    "socket_timeout": "timeout",
    "socket_connect_timeout": "timeout",
    "ssl_ca_certs": "ca_file",
    "ssl_certfile": "cert_file",
    "ssl_keyfile": "key_file",
}
"""Options that redis-py reads from a URL, and the settings that stand for them here."""


class Address(NamedTuple):
    """A Redis, or the Sentinels that know where it is.

    Attributes:
        tls: Whether it is reached by TLS, and the Sentinels likewise.
        places: Hosts and ports: one of Redis itself, or all Sentinels; none for a socket.
        socket: File of the socket; empty where hosts are given.
        service: What the Sentinels call the primary; empty where there are none.
        database: Number of the database.
    """

    tls: bool
    user: str
    password: str
    places: tuple[tuple[str, int], ...]
    socket: str
    service: str
    database: int


def address(given: str) -> Address:
    """Read a URL.

    Raises:
        WrongUrl: It is not one of Redis, or says what cannot be done.
    """
    if given.partition("://")[0].strip().lower().endswith("cluster"):
        raise WrongUrl(
            "Redis Cluster is not supported", "name a single Redis, or Sentinels: the cache is "
            "small, and losing it costs only time",
        )  # fmt: skip
    url = urls.parse(given, _SCHEMES, _EXAMPLE)
    for option in url.options:
        if option in _SETTINGS:
            raise WrongUrl(
                f"the option {option} is not read from a URL", f"set redis.{_SETTINGS[option]}"
            )
        if option != "db":
            raise WrongUrl(
                "it has an option after a `?` that is not read",
                "take it out, or write ? as %3F where it belongs to the password; TLS is always "
                "verified: [redis] ca_file says against what",
            )
    return _located(url)


def _located(url: Url) -> Address:
    plain = _SCHEMES[url.scheme]
    socket = service = ""
    path, default = url.path, _PORT
    if plain == "unix":
        socket, path = f"/{path}", ""
        if url.places or not url.path:
            raise WrongUrl("it names no file", "write unix:///run/redis/redis.sock?db=0")
    elif url.scheme.endswith("+sentinel"):
        service, _, path = path.partition("/")
        default = _SENTINEL_PORT
        if not (service and url.places):
            raise WrongUrl("it does not say what the primary is called", _SENTINEL_EXAMPLE)
    elif len(url.places) != 1:
        raise WrongUrl("it names several hosts, or none", f"write {_EXAMPLE}")
    named = {each for each in (url.options.get("db"), path) if each}
    if len(named) > 1:
        raise WrongUrl("it names two databases", f"write {_EXAMPLE}")
    number = "".join(named) or "0"
    if not (number.isascii() and number.isdecimal() and len(number) <= 5):  # noqa: PLR2004 - digits
        raise WrongUrl("its database is not a number", f"write {_EXAMPLE}")
    places = tuple((host, port or default) for host, port in url.places)
    return Address(plain == "rediss", url.user, url.password, places, socket, service, int(number))


def client(given: str, *, timeout: float, tls: Tls = SYSTEM_TRUST) -> redis.Redis:
    """Return a client that tries each thing once, for so many seconds; connect nothing yet.

    Raises:
        WrongUrl: As `address`.
    """
    where = address(given)
    reach: dict[str, Any] = {
        "socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": None,
    }  # fmt: skip
    if where.tls:
        reach |= {
            "ssl": True, "ssl_ca_certs": tls.ca_file or None,
            "ssl_certfile": tls.cert_file or None, "ssl_keyfile": tls.key_file or None,
        }  # fmt: skip
    login: dict[str, Any] = {
        "username": where.user or None, "password": where.password or None, "db": where.database,
    }  # fmt: skip
    if where.service:
        sentinel = Sentinel(list(where.places), sentinel_kwargs=reach, **reach, **login)  # type: ignore[no-untyped-call]  # redis
        found: redis.Redis = sentinel.master_for(where.service)  # type: ignore[no-untyped-call]  # redis
        return found
    if where.socket:
        return redis.Redis(unix_socket_path=where.socket, **reach, **login)
    [(host, port)] = where.places
    return redis.Redis(host, port, **reach, **login)
