"""The nodes of RabbitMQ that a URL names, and a connection that knows each by its own name."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import kombu
from kombu.connection import ConnectionPool, PooledConnection

from connectors import urls
from connectors.urls import WrongUrl

if TYPE_CHECKING:
    from connectors.tls import Tls

_EXAMPLE = "amqp://user:password@host:5672/vhost"
_SCHEMES = ("amqp", "amqps")
_PORTS = {"amqp": 5672, "amqps": 5671}
_MAX_VHOST_BYTES = 255
_SETTINGS = {
    "heartbeat": "heartbeat",
    "connection_timeout": "connect_timeout",
    "connect_timeout": "connect_timeout",
    "cacertfile": "ca_file",
    "certfile": "cert_file",
    "keyfile": "key_file",
    "auth_mechanism": "login",
    "login_method": "login",
}
"""Options that other clients read from a URL, and the settings that stand for them here."""


class Node(NamedTuple):
    """One node, as its URL names it."""

    scheme: str
    user: str
    password: str
    host: str
    port: int
    vhost: str

    @property
    def tls(self) -> bool:
        return self.scheme == "amqps"

    @property
    def address(self) -> str:
        """Where it is, without the password."""
        return f"{self.scheme}://{self.user}@{self._place}/{self.vhost}"

    @property
    def url(self) -> str:
        """The whole URL, password included, as every client reads it alike."""
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"{self.scheme}://{login}@{self._place}/{quote(self.vhost, safe='')}"

    @property
    def _place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def nodes(given: str) -> list[Node]:
    """Read one or several URLs, separated by `;`.

    Raises:
        WrongUrl: One is not an AMQP URL, has options, or has TLS or a virtual host that another
            has not.
    """
    found = [_node(each) for each in given.split(";")]
    if len({node.tls for node in found}) > 1:
        raise WrongUrl(
            "it mixes amqp:// and amqps://, so that the connection may lose its encryption",
            "use amqps:// for every node, or for none",
        )
    if len({node.vhost for node in found}) > 1:
        raise WrongUrl(
            "it names several virtual hosts, which have no queue in common",
            "name the nodes of one cluster, each with the same virtual host",
        )
    return found


def _node(given: str) -> Node:
    url = urls.parse(given, _SCHEMES, _EXAMPLE)
    if len(url.places) != 1:
        raise WrongUrl(
            "it names several hosts, or none", f"write {_EXAMPLE}; separate several by `;`"
        )
    if url.options:
        raise WrongUrl(*_refusal(url.options))
    if len(url.path.encode()) > _MAX_VHOST_BYTES:
        raise WrongUrl(f"its virtual host is longer than {_MAX_VHOST_BYTES} bytes", _EXAMPLE)
    if any("\0" in part for part in (url.user, url.password, url.path)):
        # RabbitMQ splits the login there, and ends the connection without a word
        raise WrongUrl(
            "its user name, password or virtual host has a zero byte (%00), which AMQP does not "
            "carry",
            "choose another",
        )
    [(host, port)] = url.places
    return Node(
        url.scheme, url.user or "guest", url.password or "guest", host,
        port or _PORTS[url.scheme], url.path or "/",
    )  # fmt: skip


def _refusal(options: dict[str, str]) -> tuple[str, str]:
    """Say which option it is only where it is a known one: others may be part of a password."""
    known = sorted(options.keys() & _SETTINGS.keys())
    if known:
        return f"the option {known[0]} is not read from a URL", f"set broker.{_SETTINGS[known[0]]}"
    return (
        "it has options after a `?`, which are not read",
        "take them out, or write ? as %3F where it belongs to the password: [broker] has settings",
    )


class _NodeByName(kombu.Connection):  # type: ignore[misc]  # kombu has no types
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - kombu's
        super().__init__(*args, **kwargs)
        # a clone is given the name beside the address that it was resolved to
        if self.ssl and not self.ssl.get("server_hostname"):
            self._expect_its_name()

    def switch(self, conn_str: str) -> None:
        super().switch(conn_str)
        if self.ssl:
            self._expect_its_name()

    def _expect_its_name(self) -> None:
        self.ssl: dict[str, Any] = {**self.ssl, "server_hostname": self.hostname}


class NodeConnection(_NodeByName):
    """A connection of kombu's that expects each node's certificate to be in the node's own name.

    kombu itself expects the first node's name of every node that it fails over to.
    """

    @property
    def qos_semantics_matches_spec(self) -> bool:
        """Have Celery set its prefetch for each consumer: RabbitMQ may deny one for a channel."""
        return True

    def Pool(self, limit: int | None = None, **_: object) -> ConnectionPool:  # noqa: N802 - kombu's
        """Return a pool of connections of the same kind: Celery's replies leave by one."""
        return _NodePool(self, limit)


class _PooledNode(PooledConnection, _NodeByName):  # type: ignore[misc]  # kombu has no types
    pass


class _NodePool(ConnectionPool):  # type: ignore[misc]  # kombu has no types
    def new(self) -> _PooledNode:
        return _PooledNode(self, **dict(self.connection._info(resolve=False)))  # noqa: SLF001 - as the pool above does


def tls_options(node: Node, tls: Tls) -> dict[str, Any]:
    """Return what py-amqp must be told so that TLS means something; empty without TLS.

    Plain `amqps://` would check neither the certificate nor the server's name.
    """
    if not node.tls:
        return {}
    files = {"ca_certs": tls.ca_file, "certfile": tls.cert_file, "keyfile": tls.key_file}
    return {
        "cert_reqs": ssl.CERT_REQUIRED, **{name: file for name, file in files.items() if file}
    }  # fmt: skip


def login_method(*, external: bool) -> str:
    """Return SASL's name for how we log in: with a password, or with the client certificate."""
    return "EXTERNAL" if external else "PLAIN"
