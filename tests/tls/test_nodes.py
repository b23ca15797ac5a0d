"""RabbitMQ by TLS: each node is expected under its own name, and nothing weakens that."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

import pytest

from connectors.errors import Unavailable
from connectors.scoring.celery_app import celery_app
from connectors.tls import Tls
from tests.brokers import patient_broker
from tests.e2e.stage import Stage
from tests.tls.terminator import Terminator
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from connectors.amqp.connection import Broker
    from tests.certificates import Authority


@pytest.fixture
def named(authority: Authority, broker_url: str) -> Iterator[Terminator]:
    """A node whose certificate is for `localhost` alone."""
    yield from node(broker_url, authority.issue("named", "DNS:localhost"))


@pytest.fixture
def numbered(authority: Authority, broker_url: str) -> Iterator[Terminator]:
    """A node whose certificate is for the address 127.0.0.1 alone."""
    yield from node(broker_url, authority.issue("numbered", "IP:127.0.0.1"))


def node(url: str, certificate: Tls) -> Iterator[Terminator]:
    parts = urllib.parse.urlsplit(url)
    made = Terminator((parts.hostname or "localhost", parts.port or 5672), certificate)
    yield made
    made.stop()


def reached(url: str, host: str, by: Terminator) -> str:
    """The URL that leads to the same virtual host through a node."""
    parts = urllib.parse.urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return parts._replace(scheme="amqps", netloc=f"{login}@{host}:{by.port}").geturl()


def broker(url: str, tls: Tls) -> Broker:
    return patient_broker(url, heartbeat=10, tls=tls)


def test_a_node_is_trusted_under_its_own_name_only(
    authority: Authority, broker_url: str, named: Terminator, numbered: Terminator
) -> None:
    tls = Tls(str(authority.file))
    for host, node in (("localhost", named), ("127.0.0.1", numbered)):
        opened = broker(reached(broker_url, host, node), tls)
        # the second time too, when the name has been resolved
        for _ in range(2):
            opened.connect()
            opened.close()
    for host, node in (("127.0.0.1", named), ("localhost", numbered)):
        with pytest.raises(Unavailable, match="certificate verify failed"):
            broker(reached(broker_url, host, node), tls).connect()


def test_a_node_of_an_unknown_authority_is_not_trusted(broker_url: str, named: Terminator) -> None:
    url = reached(broker_url, "localhost", named)
    with pytest.raises(Unavailable, match="certificate verify failed"):
        broker(url, Tls()).connect()


@pytest.mark.parametrize("pooled", [False, True])
def test_celerys_connections_expect_each_node_under_its_own_name(
    authority: Authority, broker_url: str, named: Terminator, numbered: Terminator, *, pooled: bool
) -> None:
    urls = [reached(broker_url, "localhost", named), reached(broker_url, "127.0.0.1", numbered)]
    app = celery_app(";".join(urls), Tls(str(authority.file)))
    connection = app.pool.acquire(block=True) if pooled else app.connection_for_read()
    connection.ensure_connection(max_retries=4, interval_start=0)
    for one, other in ((named, numbered), (numbered, named)):
        one.stop()
        before = other.connections
        connection.collect()
        connection.ensure_connection(max_retries=4, interval_start=0)
        assert other.connections > before
        one.start()
    connection.close()
    app.pool.force_close_all()


def test_a_worker_goes_on_at_the_other_node_and_back(
    authority: Authority, broker_url: str, named: Terminator, numbered: Terminator,
    model_directory: Path, redis_url: str, tmp_path: Path,
) -> None:  # fmt: skip
    from tests import models  # noqa: PLC0415 - torch is slow to import

    config = tmp_path / "tonebus.toml"
    config.write_text(models.toml(model_directory), encoding="utf-8")
    urls = [reached(broker_url, "localhost", named), reached(broker_url, "127.0.0.1", numbered)]
    env = {
        "TONEBUS_CONFIG": str(config), "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_BROKER_URL": broker_url,
    }  # fmt: skip
    secure = {
        "TONEBUS_BROKER_URL": ";".join(urls), "TONEBUS_BROKER_CA_FILE": str(authority.file)
    }  # fmt: skip
    with Stage(env) as stage:
        stage.start("daemon")
        stage.watch()
        stage.start("worker", **secure)
        for number, (one, other) in enumerate(((named, numbered), (numbered, named))):
            before = other.connections
            one.stop()
            until(lambda: other.connections > before)  # noqa: B023 - called before the next turn
            stage.publish([(f"m-{number}", "good")])
            stage.subjects({f"m-{number}"})
            one.start()
