"""The rights that docs/permissions.md grants are enough, and each process is happy with them."""

from __future__ import annotations

import os
import re
import shutil
import urllib.parse
import uuid
from typing import TYPE_CHECKING, Any

import pika
import pytest
from click.testing import CliRunner

from daemon.cli import tonebus
from tests.processes import ROOT, running
from tests.rooms import _rabbitmqctl
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = re.compile(r"^\| ([^|]+?) \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
RIGHTS = {
    process: [right.replace("\\|", "|") for right in rights]
    for process, *rights in ROW.findall(PAGE)
}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("rabbitmqctl"),
    reason="only rabbitmqctl, as root, makes users",
)


class Users:
    """Users of a virtual host, each with the rights of one process."""

    def __init__(self, url: str) -> None:
        self._parts = urllib.parse.urlsplit(url)
        self.names: list[str] = []

    def url(self, process: str) -> str:
        name = f"tonebus-test-{uuid.uuid4().hex[:8]}"
        self.names.append(name)
        _rabbitmqctl("add_user", name, "secret")
        _rabbitmqctl("set_permissions", "--vhost", self._parts.path[1:], name, *RIGHTS[process])
        where = f"{self._parts.hostname}:{self._parts.port or 5672}"
        return self._parts._replace(netloc=f"{name}:secret@{where}").geturl()


@pytest.fixture
def users(own_broker_url: str) -> Iterator[Users]:
    users = Users(own_broker_url)
    yield users
    for name in users.names:
        _rabbitmqctl("delete_user", name)


@pytest.mark.parametrize("managed", [True, False])
def test_the_rights_of_the_page_are_enough(
    users: Users, own_broker_url: str, redis_url: str, model_directory: Path, *, managed: bool
) -> None:
    settings = {
        "TONEBUS_MODEL": str(model_directory),
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
        "TONEBUS_BROKER_MANAGE_TOPOLOGY": str(managed).lower(),
    }
    if not managed:
        root: dict[str, Any] = {"TONEBUS_BROKER_URL": own_broker_url}
        assert CliRunner().invoke(tonebus, ["topology", "apply"], env=root).exit_code == 0
    name = "daemon" if managed else "daemon, `manage_topology = false`"
    daemon = settings | {"TONEBUS_BROKER_URL": users.url(name)}
    worker = settings | {"TONEBUS_BROKER_URL": users.url("worker")}
    with running("worker", env=worker), running("daemon", env=daemon):
        with pika.BlockingConnection(pika.URLParameters(own_broker_url)) as connection:
            channel = connection.channel()
            channel.queue_declare("seen")
            channel.queue_bind("seen", "sentiment.results", "#")
            channel.basic_publish("sentiment.input", "a", '{"id": 1, "text": "good"}')
            channel.basic_publish("sentiment.input", "a", "{")
            until(lambda: channel.basic_get("seen", auto_ack=True)[0], timeout=60)
        tool = {"TONEBUS_BROKER_URL": users.url("`tonebus parked`")}
        result = CliRunner().invoke(tonebus, ["parked", "replay", "--yes"], env=tool)
        assert "1 replayed, of 1 parked" in result.output
