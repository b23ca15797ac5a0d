"""URLs say the same to us and to the libraries, whatever stands in a password."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from connectors.amqp.nodes import Node, NodeConnection, nodes
from connectors.cache.address import address, client
from connectors.tls import Tls
from connectors.urls import WrongUrl

if TYPE_CHECKING:
    from collections.abc import Callable

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
logins = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
hosts = st.sampled_from(["localhost", "rabbit-1.example.org", "127.0.0.1", "::1", "bücher.example"])


@given(st.sampled_from(["amqp", "amqps"]), logins, logins, hosts, st.integers(1, 65535), logins)
def test_a_node_is_read_by_kombu_as_by_us(
    scheme: str, user: str, password: str, host: str, port: int, vhost: str
) -> None:
    node = Node(scheme, user, password, host, port, vhost)
    assert nodes(node.url) == [node]
    assert nodes(f" {node.url}\n;{node.url}") == [node, node]
    opened = NodeConnection(node.url)
    assert (opened.userid, opened.password, opened.virtual_host) == (user, password, vhost)
    assert (opened.hostname, opened.port) == (host, port)
    assert node.address == node._replace(password="another").address


@given(texts, texts, hosts, st.integers(1, 65535), st.integers(0, 15))
def test_a_redis_is_the_one_that_the_url_names(
    user: str, password: str, host: str, port: int, database: int
) -> None:
    place = f"[{host}]" if ":" in host else host
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    made = client(f"rediss://{login}@{place}:{port}/{database}", timeout=1)
    told = made.connection_pool.connection_kwargs
    assert (told["username"], told["password"]) == (user, password)
    assert (told["host"], told["port"], told["db"]) == (host, port, database)
    # as redis-py has it where nothing is said: the certificate and the name are verified
    connection = made.connection_pool.connection_class(**told)
    assert isinstance(connection, redis.SSLConnection)
    assert (connection.cert_reqs, connection.check_hostname) == (2, True)


def test_sentinels_and_the_primary_behind_them_are_reached_by_tls() -> None:
    made = client("rediss+sentinel://:pw@one,two:5/tones/3", timeout=1, tls=Tls("ca.pem"))
    pool = made.connection_pool
    assert isinstance(pool, redis.sentinel.SentinelConnectionPool)
    assert issubclass(pool.connection_class, redis.SSLConnection)
    told = [each.connection_pool for each in pool.sentinel_manager.sentinels]
    assert [(each.connection_kwargs["host"], each.connection_kwargs["port"]) for each in told] == [
        ("one", 26379), ("two", 5),
    ]  # fmt: skip
    assert all(issubclass(each.connection_class, redis.SSLConnection) for each in told)
    assert address("rediss+sentinel://:pw@one,two:5/tones/3").database == 3


@pytest.mark.parametrize("read", [nodes, address])
@given(url=st.text("amqpredis:/@?#%[]1.;,-\nü", max_size=40))
def test_any_text_is_read_or_refused_without_a_quotation(
    read: Callable[[str], object], url: str
) -> None:
    refusal = ""
    try:
        read(url)
    except WrongUrl as error:
        refusal = str(error)
    assert len(url) < 12 or url not in refusal
