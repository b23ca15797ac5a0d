from __future__ import annotations

import json
import urllib.request
import uuid
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.chaos.servers import servers_or_skip
from tests.own.rabbitmq import OwnRabbit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Room(NamedTuple):
    """A virtual host on a node with the management API.

    Attributes:
        url: Where AMQP leads into it.
    """

    node: OwnRabbit
    vhost: str
    url: str

    @property
    def management(self) -> str:
        """The management API, with a user who may ask everything."""
        return self.node.management_url.replace("http://", "http://guest:guest@")

    def call(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.node.management_url}/api/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Authorization": f"Basic {b64encode(b'guest:guest').decode()}",
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            text = reply.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def managed_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRabbit]:
    """A node with the management API, of the version that the tests run against."""
    with servers_or_skip():
        node = OwnRabbit(
            tmp_path_factory.mktemp("managed") / "rabbitmq", management=True,
            # how often quorum queues tell of themselves, milliseconds; otherwise 5,000
            erlang="-rabbit quorum_tick_interval 500",
        )  # fmt: skip
        try:
            node.start()
            yield node
        finally:
            node.close()


@pytest.fixture
def room(managed_node: OwnRabbit) -> Room:
    """A virtual host of the test's own on it."""
    name = f"room-{uuid.uuid4().hex[:8]}"
    room = Room(managed_node, name, managed_node.url.replace("%2F", name))
    room.call("PUT", f"vhosts/{name}")
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    room.call("PUT", f"permissions/{name}/guest", rights)
    return room
