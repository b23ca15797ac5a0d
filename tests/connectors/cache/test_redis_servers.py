"""Redis as users have it: with TLS, a socket, Sentinels, few permissions, or as a cluster."""

from __future__ import annotations

import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import redis

from connectors.cache import RedisStore
from connectors.tls import Tls
from daemon.checks.redis_probe import examine
from daemon.settings import RedisSettings, Settings
from tests.certificates import Authority
from tests.own.redis import OwnRedis, program
from tests.own.server import HOST, free_port
from tests.processes import ROOT
from tests.servers import ServerMissingError
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.checks.result import Result

PAGE = (ROOT / "docs" / "how-to" / "permissions.md").read_text(encoding="utf-8")
KEY, INDEX = b"key", b"index"


@contextmanager
def started(
    directory: Path, *options: str, tls: Tls | None = None, password: str = ""
) -> Iterator[OwnRedis]:
    try:
        own = OwnRedis(directory, *options, tls=tls, password=password)
        own.start()
    except ServerMissingError as error:
        pytest.skip(str(error))
    try:
        yield own
    finally:
        own.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    with started(tmp_path_factory.mktemp("redis") / "node") as own:
        yield own


def store(url: str, tls: Tls | None = None) -> RedisStore:
    return RedisStore(url, timeout=5, tls=tls or Tls())


def serves(tried: RedisStore) -> bool:
    """Whether everything that the processes do with a store works."""
    tried.exchange((), [(KEY, b"value", 60)])
    tried.post(INDEX, [(b"posted", b"value", 60), (b"short", b"value", 1)])
    found = tried.exchange([KEY, b"missing"], ())
    gathered = tried.gather(INDEX)
    tried.close()
    return not tried.fault and found == [b"value", None] and gathered[b"posted"] == b"value"


def examined(url: str, tls: Tls | None = None) -> dict[str, Result]:
    section = RedisSettings(url=url, timeout=5, **(tls or Tls())._asdict())
    return {each.check: each for each in examine(Settings(redis=section))}


def url_of(server: OwnRedis, login: str = "", scheme: str = "redis", path: str = "/0") -> str:
    return f"{scheme}://{login}{server.url.partition('://')[2].partition('/')[0]}{path}"


def test_every_scheme_for_a_plain_server_works(server: OwnRedis) -> None:
    for scheme in ("redis", "valkey"):
        assert serves(store(url_of(server, scheme=scheme)))


def test_a_socket_works(tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    with started(tmp_path / "node", "--unixsocket", str(socket)):
        assert serves(store(f"unix://{socket}?db=3"))


def test_tls_is_verified_whatever_the_url_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    ours = authority.issue("client")
    with started(tmp_path / "node", tls=authority.issue("redis", "DNS:localhost")) as own:
        assert serves(store(own.url, ours))
        assert serves(store(own.url.replace("rediss://", "valkeys://"), ours))
        assert examined(own.url, ours)["redis"].state == "ok"
        # another name than the certificate's, another authority, no certificate of ours
        assert not serves(store(own.url.replace("localhost", HOST), ours))
        assert not serves(store(own.url, Tls("", ours.cert_file, ours.key_file)))
        assert not serves(store(own.url, Tls(ours.ca_file)))
        said = examined(own.url.replace("localhost", HOST), ours)["redis"]
        assert "certificate" in said.detail


def test_sentinels_lead_to_the_primary_and_to_the_next_one(tmp_path: Path) -> None:
    with (
        started(tmp_path / "primary", password="s3cret") as primary,
        started(
            tmp_path / "replica", "--masterauth", "s3cret", "--replicaof", HOST, port_of(primary),
            password="s3cret",
        ) as replica,
        sentinel(tmp_path / "sentinel", primary) as port,
    ):  # fmt: skip
        # the first does not answer, and the second knows
        url = f"redis+sentinel://:s3cret@{HOST}:{free_port()},{HOST}:{port}/tones/0"
        until(lambda: serves(store(url)))
        with redis.Redis(HOST, port, decode_responses=True) as asked:
            until(lambda: fails_over(asked))
            until(
                lambda: (
                    asked.sentinel_get_master_addr_by_name("tones") == (HOST, int(port_of(replica)))
                )
            )
        primary.kill()
        until(lambda: serves(store(url)))
        assert examined(url)["redis"].state == "ok"


@contextmanager
def sentinel(directory: Path, primary: OwnRedis) -> Iterator[int]:
    directory.mkdir()
    port = free_port()
    (directory / "sentinel.conf").write_text(
        f"port {port}\nbind {HOST}\n"
        f"sentinel monitor tones {HOST} {port_of(primary)} 1\n"
        "sentinel auth-pass tones s3cret\n"
    )
    process = subprocess.Popen(
        [program(), str(directory / "sentinel.conf"), "--sentinel"],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def fails_over(asked: redis.Redis) -> bool:
    """Ask for a failover; refused while the replica is not known yet."""
    try:
        asked.sentinel_failover("tones")
    except redis.ResponseError:
        return False
    return True


def port_of(server: OwnRedis) -> str:
    return server.plain_url.rpartition(":")[2].partition("/")[0]


def acl() -> list[str]:
    """The user that the page tells to make."""
    found = re.search(r"^ACL SETUSER .*$", PAGE, re.MULTILINE)
    assert found
    return found[0].split()


@pytest.fixture
def restricted(server: OwnRedis) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.plain_url) as client:
        client.execute_command(*acl())
        yield client
        client.execute_command("ACL", "DELUSER", "tonebus")


@pytest.mark.parametrize("database", ["/0", "/7"])
def test_the_permissions_of_the_page_are_enough(
    server: OwnRedis, restricted: redis.Redis, database: str
) -> None:
    url = url_of(server, "tonebus:password@", path=database)
    assert serves(store(url))
    found = examined(url)
    assert {each.state for each in found.values()} <= {"ok", "warning"}
    assert "may not run INFO" in found["redis"].detail
    assert found["redis"].state == "ok"
    assert "may not run TIME" in found["clock"].detail
    assert restricted.ping()


@pytest.mark.parametrize("command", [each[1:] for each in acl() if each.startswith("+")])
def test_none_of_them_is_superfluous_and_the_doctor_names_the_one_that_is_missing(
    server: OwnRedis, restricted: redis.Redis, command: str
) -> None:
    restricted.execute_command("ACL", "SETUSER", "tonebus", f"-{command}")  # type: ignore[no-untyped-call]  # redis
    said = examined(url_of(server, "tonebus:password@", path="/7"))["redis"]
    assert said.state == "failure"
    assert command in said.detail.lower()
    assert "password" not in said.detail


def test_a_wrong_password_is_told_without_it(server: OwnRedis) -> None:
    said = examined(url_of(server, "tonebus:s3cret-canary@"))["redis"]
    assert said.state == "failure"
    assert "s3cret-canary" not in str(said)


def test_a_cluster_is_called_unsupported(tmp_path: Path) -> None:
    with started(tmp_path / "node", "--cluster-enabled", "yes", "--appendonly", "no") as own:
        said = examined(own.url)["redis"]
        assert (said.state, "cluster" in said.detail) == ("failure", True)
        assert "Sentinels" in said.fix
        # and so it is for one that has its slots, and would refuse only some keys
        with redis.Redis.from_url(own.plain_url) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            until(lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")))
        said = examined(own.url)["redis"]
        assert (said.state, "cluster" in said.detail) == ("failure", True)


def test_a_replica_is_told_from_a_primary(server: OwnRedis, tmp_path: Path) -> None:
    with started(tmp_path / "replica", "--replicaof", HOST, port_of(server)) as replica:
        said = examined(replica.url)["redis"]
        assert said.state == "failure"
        assert "name the primary" in said.fix
