"""Whose entries stand in a Redis that several deployments share."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from connectors.errors import Misconfigured

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_PORTS = {"amqps": 5671}
_PORT = 5672


def deployment(broker_url: str, name: str = "") -> str:
    """Return what tells a deployment from every other: its broker's hosts and its virtual host.

    Processes that name the same nodes in another order, with other credentials or other options
    are of one deployment. A broker on the loopback is another one on each host, so there the
    host's own name counts.

    Args:
        broker_url: One or several AMQP URLs, separated by `;`.
        name: The deployment's name in the settings; where there is one, it alone decides.

    Raises:
        Misconfigured: No URL can be read there.
    """
    if name:
        return f"name {name}"
    try:
        nodes = {_node(urlsplit(each.strip())) for each in broker_url.split(";")}
    except ValueError:
        raise Misconfigured("broker url: expected amqp://user:password@host:5672/vhost") from None
    return f"broker {' '.join(sorted(nodes))}"


def _node(url: SplitResult) -> str:
    host = (url.hostname or "").rstrip(".")
    if _is_loopback(host):
        host = f"{socket.gethostname()}/localhost"
    port = url.port or _PORTS.get(url.scheme, _PORT)
    # `/`, `//`, `/%2F` and no path at all are the default virtual host
    virtual_host = unquote(url.path[1:]) or "/"
    return f"{host}:{port}/{quote(virtual_host, safe='')}"


def _is_loopback(host: str) -> bool:
    if host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
