"""The rights that docs/how-to/permissions.md grants are enough for each process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.parse
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pika
import pytest
from click.testing import CliRunner

from daemon.cli import tonebus
from tests.administration import administration
from tests.own.server import free_port
from tests.processes import ROOT, running
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = re.compile(r"^\| ([^|]+?) \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "how-to" / "permissions.md").read_text(encoding="utf-8")
RIGHTS = {
    process: (configure.replace("\\|", "|"), write.replace("\\|", "|"), read.replace("\\|", "|"))
    for process, configure, write, read in ROW.findall(PAGE)
}


class Users:
    """Users of a virtual host, each with the rights of one process."""

    def __init__(self, url: str) -> None:
        self._parts = urllib.parse.urlsplit(url)
        self._administration = administration()
        self.names: list[str] = []

    def url(self, process: str) -> str:
        name = f"tonebus-test-{uuid.uuid4().hex[:8]}"
        self.names.append(name)
        self._administration.add_user(name, "secret")
        self._administration.permit(self._parts.path[1:], name, RIGHTS[process])
        where = f"{self._parts.hostname}:{self._parts.port or 5672}"
        return self._parts._replace(netloc=f"{name}:secret@{where}").geturl()

    def may_write(self, name: str, process: str, *, allowed: bool) -> None:
        configure, write, read = RIGHTS[process]
        rights = configure, write if allowed else "^$", read
        self._administration.permit(self._parts.path[1:], name, rights)

    def remove(self) -> None:
        for name in self.names:
            self._administration.delete_user(name)


@pytest.fixture
def users(own_broker_url: str) -> Iterator[Users]:
    users = Users(own_broker_url)
    yield users
    users.remove()


@pytest.mark.parametrize("managed", [True, False])
def test_daemon_worker_and_the_parked_tool_need_no_more_than_their_rows(
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
            parked = "sentiment.parked"
            until(lambda: channel.queue_declare(parked, passive=True).method.message_count == 1)
        tool = {"TONEBUS_BROKER_URL": users.url("`tonebus parked`")}
        result = CliRunner().invoke(tonebus, ["parked", "replay", "--yes"], env=tool)
        assert "1 replayed, of 1 parked" in result.output


@pytest.fixture
def settings(own_broker_url: str, redis_url: str, model_directory: Path) -> dict[str, str]:
    """Variables of every process but the user; all is declared at the broker."""
    given = {
        "TONEBUS_MODEL": str(model_directory),
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
    }
    as_root = given | {"TONEBUS_BROKER_URL": own_broker_url}
    assert CliRunner().invoke(tonebus, ["topology", "apply"], env=as_root).exit_code == 0
    return given


def test_the_api_needs_no_more_than_its_row(users: Users, settings: dict[str, str]) -> None:
    port = free_port()
    worker = settings | {"TONEBUS_BROKER_URL": users.url("worker")}
    api = settings | {"TONEBUS_BROKER_URL": users.url("api"), "TONEBUS_API_PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    with running("worker", env=worker), running("api", env=api):
        until(lambda: _ask(url).get("tone"), timeout=60)
        # and it sees the queues that it may neither read nor write
        until(lambda: roles(url) >= {"source", "scoring", "parked"})


def roles(url: str) -> set[str]:
    """Of the queues that the API has seen so far."""
    return {each["role"] for each in httpx.get(f"{url}/status").json()["queues"]}


def _ask(url: str) -> dict[str, Any]:
    try:
        reply: dict[str, Any] = httpx.post(
            f"{url}/predict", json={"text": "good"}, timeout=30
        ).json()
    except httpx.HTTPError:
        return {}
    return reply


def test_the_doctor_and_verify_need_no_more_than_the_daemon(
    users: Users, settings: dict[str, str]
) -> None:
    tool: dict[str, Any] = settings | {"TONEBUS_BROKER_URL": users.url("daemon")}
    with running("worker", env=settings | {"TONEBUS_BROKER_URL": users.url("worker")}):
        ran = CliRunner().invoke(tonebus, ["doctor", "--json"], env=tool)
    assert ran.exit_code == 0, ran.output
    assert CliRunner().invoke(tonebus, ["topology", "verify"], env=tool).exit_code == 0


@pytest.mark.usefixtures("settings")
def test_publisher_and_consumer_need_no_more_than_their_rows(
    users: Users, own_broker_url: str
) -> None:
    consumer = pika.URLParameters(users.url("a consumer with a queue `crm`"))
    with pika.BlockingConnection(consumer) as connection:
        channel = connection.channel()
        channel.queue_declare("crm")
        channel.queue_bind("crm", "sentiment.results", "*.negative")
        with pika.BlockingConnection(pika.URLParameters(own_broker_url)) as root:
            root.channel().basic_publish("sentiment.results", "input.negative", "an event")
        until(lambda: channel.basic_get("crm", auto_ack=True)[0])
    tool = {
        "TONEBUS_BROKER_URL": users.url("a publisher"),
        "TONEBUS_BROKER_MANAGE_TOPOLOGY": "false",
    }
    assert CliRunner().invoke(tonebus, ["publish", "good"], env=tool).exit_code == 0
    with (
        pika.BlockingConnection(pika.URLParameters(tool["TONEBUS_BROKER_URL"])) as connection,
        pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"),
    ):
        connection.channel().basic_get("sentiment.source.input")


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    ("option", "exchange", "said"),
    [("--json", "sentiment.results", "passed over: "), ("--parked", "sentiment.parked", "foreign")],
)
def test_tail_needs_no_more_than_its_row(
    users: Users, own_broker_url: str, option: str, exchange: str, said: str
) -> None:
    env = {
        "TONEBUS_BROKER_URL": users.url("`tonebus tail`, `manage_topology = false`"),
        "TONEBUS_BROKER_MANAGE_TOPOLOGY": "false",
    }
    command = [sys.executable, "-m", "daemon.cli", "tail", option]
    with (
        pika.BlockingConnection(pika.URLParameters(own_broker_url)) as connection,
        subprocess.Popen(
            command, env=os.environ | env, cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        ) as tail,
        ThreadPoolExecutor(1) as pool,
    ):  # fmt: skip
        channel = connection.channel()
        assert tail.stdout
        line = pool.submit(tail.stdout.readline)

        def shown() -> bool:
            channel.basic_publish(exchange, "input.good", "no event")
            return line.done()

        until(shown, timeout=60)
        tail.terminate()
    assert said in line.result()


def test_the_doctor_tells_what_may_not_be_published_and_publishes_nothing(
    users: Users, own_broker_url: str, settings: dict[str, str]
) -> None:
    with pika.BlockingConnection(pika.URLParameters(own_broker_url)) as connection:
        channel = connection.channel()
        channel.queue_declare("seen")
        channel.queue_bind("seen", "sentiment.results", "#")
        for name, state in (("api", "failure"), ("daemon", "ok")):
            tool = settings | {"TONEBUS_BROKER_URL": users.url(name)}
            ran = CliRunner().invoke(tonebus, ["doctor", "--json"], env=dict(tool))
            checks = {each["check"]: each for each in json.loads(ran.output)["checks"]}
            assert checks["permissions"]["state"] == state
            assert checks["round trip"]["state"] == "ok"
        assert channel.queue_declare("seen", passive=True).method.message_count == 0
        assert channel.queue_declare("sentiment.parked", passive=True).method.message_count == 0


def test_workers_that_may_not_reply_say_so_and_no_text_is_charged_with_it(
    users: Users, own_broker_url: str, settings: dict[str, str]
) -> None:
    quick = settings | {"TONEBUS_DAEMON_SCORE_TIMEOUT": "1"}
    worker = quick | {"TONEBUS_BROKER_URL": users.url("worker")}
    [name] = users.names
    daemon = quick | {"TONEBUS_BROKER_URL": own_broker_url}
    with (
        running("worker", env=worker) as one,
        running("worker", env=worker) as other,
        running("daemon", env=daemon) as asking,
        pika.BlockingConnection(pika.URLParameters(own_broker_url)) as connection,
    ):
        channel = connection.channel()
        channel.queue_declare("seen")
        channel.queue_bind("seen", "sentiment.results", "#")
        users.may_write(name, "worker", allowed=False)
        channel.basic_publish("sentiment.input", "a", '{"id": 1, "text": "good"}')
        for each in (one, other):
            assert "ACCESS_REFUSED" in each.wait_for("reply_not_sent")["error"]
        users.may_write(name, "worker", allowed=True)
        until(lambda: channel.basic_get("seen", auto_ack=True)[0], timeout=60)
        assert not asking.events("text_given_up")
        assert channel.queue_declare("sentiment.parked", passive=True).method.message_count == 0
