"""Whose entries are whose in a Redis that several deployments share."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import quote

from connectors.amqp.nodes import nodes
from connectors.urls import is_loopback

if TYPE_CHECKING:
    from connectors.amqp.nodes import Node


def deployment(broker_url: str, name: str = "") -> str:
    """Return what identifies a deployment: its broker's nodes and its virtual host.

    Processes that name the same nodes in another order, or with other credentials, are of one
    deployment. A broker on the loopback is another one on each host, so there the host's own name
    counts.

    Args:
        broker_url: One or several AMQP URLs, separated by `;`.
        name: The deployment's name in the settings; where there is one, it alone decides.

    Raises:
        WrongUrl: A URL cannot be read.
    """
    if name:
        return f"name {name}"
    return f"broker {' '.join(sorted({_place(node) for node in nodes(broker_url)}))}"


def _place(node: Node) -> str:
    host = node.host.rstrip(".").lower()
    if is_loopback(host):
        host = f"{socket.gethostname()}/localhost"
    return f"{host}:{node.port}/{quote(node.vhost, safe='')}"
