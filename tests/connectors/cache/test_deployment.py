"""Whose entries are whose, told from the broker's URL."""

from __future__ import annotations

import socket

import pytest

from connectors.cache import RedisStore, deployment
from connectors.errors import Misconfigured

ONE = "amqp://u:p@rabbit/orders"


@pytest.mark.parametrize(
    "same",
    [
        "amqp://rabbit/orders",
        "amqp://other:pass%2Fword@rabbit:5672/orders",
        "amqp://RABBIT./orders",
        "amqp://rabbit/orders;amqp://rabbit:5672/orders",
    ],
)
def test_credentials_and_the_default_port_do_not_matter(same: str) -> None:
    assert deployment(same) == deployment(ONE)


@pytest.mark.parametrize(
    "other",
    [
        "amqp://rabbit/billing",
        "amqp://rabbit/Orders",
        "amqp://rabbit",
        "amqp://rabbit:5673/orders",
        "amqp://rabbit2/orders",
        "amqp://rabbit/orders;amqp://rabbit2/orders",
    ],
)
def test_another_node_port_or_virtual_host_is_another_deployment(other: str) -> None:
    assert deployment(other) != deployment(ONE)


def test_the_order_of_nodes_does_not_matter() -> None:
    nodes = ["amqp://a/v", "amqp://b:5672/v", "amqp://c/v"]
    assert deployment(";".join(nodes)) == deployment(";".join(reversed(nodes)))
    assert deployment("amqps://c/v") == deployment("amqps://c:5671/v")


@pytest.mark.parametrize("path", ["", "/", "//", "/%2F"])
def test_the_default_virtual_host_has_many_spellings(path: str) -> None:
    assert deployment(f"amqp://rabbit{path}") == deployment("amqp://rabbit//")


def test_every_virtual_host_is_a_deployment_of_its_own() -> None:
    assert deployment("amqp://a/v;amqp://b/v") != deployment("amqp://a/w;amqp://b/w")


def test_a_broker_on_the_loopback_is_another_one_on_each_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = {deployment(f"amqp://{host}//") for host in ("localhost", "127.0.0.1", "[::1]")}
    assert len(here) == 1
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    assert deployment("amqp://localhost//") not in here


def test_a_name_decides_alone_and_is_no_broker() -> None:
    assert deployment("amqp://a//", "shop") == deployment("amqp://b//", "shop")
    assert deployment("amqp://a//", "shop") != deployment("amqp://a//", "desk")
    assert deployment("amqp://b//", deployment("amqp://a//")) != deployment("amqp://a//")


def test_a_port_that_is_none_is_named_without_the_password() -> None:
    with pytest.raises(Misconfigured, match="port") as error:
        deployment("amqp://u:s3cret-canary@rabbit:99999/orders")
    assert "canary" not in str(error.value)


def test_stores_of_two_deployments_share_no_key(redis_url: str) -> None:
    one, other = (
        RedisStore(redis_url, timeout=3, deployment=each) for each in ("broker a", "broker b")
    )
    one.exchange([], [(b"k", b"one", 60)])
    one.post(b"index", [(b"p", b"posted", 60)])
    assert other.exchange([b"k", b"p"], []) == [None, None]
    assert other.gather(b"index") == {}
    other.exchange([], [(b"k", b"other", 60)])
    assert one.exchange([b"k"], []) == [b"one"]
    assert one.gather(b"index") == {b"p": b"posted"}
