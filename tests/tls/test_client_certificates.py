"""Processes that show certificates of their own, to RabbitMQ and to Redis."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.connection import Broker, Refused
from connectors.errors import Unavailable
from connectors.tls import Tls
from tests import models
from tests.brokers import patient_broker
from tests.e2e.stage import Stage
from tests.own.rabbitmq import OwnRabbit
from tests.own.redis import OwnRedis
from tests.own.server import free_port
from tests.servers import ServerMissingError
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.certificates import Authority

# of its own, which no fixture of the root gives
pytestmark = pytest.mark.broker


class SecureRabbit:
    """A node that asks for a client certificate, and takes the user from it.

    Attributes:
        plain_url: For those who look on.
        url: By TLS, without a password.
    """

    def __init__(self, directory: Path, server: Tls) -> None:
        port = free_port()
        self.node = OwnRabbit(directory / "node")
        inside = self.node.version.inside(self.node.directory)
        for name, file in server._asdict().items():
            shutil.copy(file, self.node.directory / name)
        with (self.node.directory / "rabbitmq.conf").open("a") as config:
            config.write(
                f"listeners.ssl.1 = 127.0.0.1:{port}\n"
                f"ssl_options.cacertfile = {inside}/ca_file\n"
                f"ssl_options.certfile = {inside}/cert_file\n"
                f"ssl_options.keyfile = {inside}/key_file\n"
                "ssl_options.verify = verify_peer\n"
                "ssl_options.fail_if_no_peer_cert = true\n"
                "ssl_cert_login_from = common_name\n"
                "auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = EXTERNAL\n"
            )
        (self.node.directory / "plugins").write_text("[rabbitmq_auth_mechanism_ssl].")
        self.plain_url = self.node.url
        self.url = f"amqps://localhost:{port}"

    def broker(self, tls: Tls) -> Broker:
        return patient_broker(self.url, heartbeat=10, tls=tls, external=True)


@pytest.fixture(scope="module")
def rabbit(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[SecureRabbit]:
    directory = tmp_path_factory.mktemp("rabbit")
    try:
        made = SecureRabbit(directory, authority.issue("rabbit", "DNS:localhost"))
    except ServerMissingError as error:
        pytest.skip(str(error))
    try:
        made.node.start()
        # a password that nobody knows, for nobody is to log in with one
        made.node.ctl("add_user", "scorer", "not-used-by-anybody")
        made.node.ctl("set_permissions", "scorer", ".*", ".*", ".*")
        yield made
    finally:
        made.node.close()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[OwnRedis]:
    server = authority.issue("redis", "DNS:localhost")
    own = OwnRedis(tmp_path_factory.mktemp("redis") / "node", tls=server)
    try:
        own.start()
        yield own
    except ServerMissingError as error:
        pytest.skip(str(error))
    finally:
        own.close()


def logins(rabbit: SecureRabbit) -> list[tuple[str, ...]]:
    """Who is logged in, and how; without guests."""
    users = rabbit.node.ctl("list_connections", "--no-table-headers", "user", "auth_mechanism")
    return [tuple(line.split()) for line in users.splitlines() if "guest" not in line]


def test_every_process_works_with_certificates_for_login(
    rabbit: SecureRabbit, redis: OwnRedis, authority: Authority, model_directory: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    ours = authority.issue("scorer")
    config = tmp_path / "tonebus.toml"
    config.write_text(models.toml(model_directory), encoding="utf-8")
    secure = {
        "TONEBUS_BROKER_URL": rabbit.url, "TONEBUS_BROKER_LOGIN": "certificate",
        "TONEBUS_REDIS_URL": redis.url,
        **{f"TONEBUS_{server}_{name.upper()}": file for server in ("BROKER", "REDIS")
           for name, file in ours._asdict().items()},
    }  # fmt: skip
    with Stage({"TONEBUS_CONFIG": str(config), "TONEBUS_BROKER_URL": rabbit.plain_url}) as stage:
        daemon = stage.start("daemon", **secure)
        stage.watch()
        stage.start("worker", **secure)
        api = stage.start("api", TONEBUS_API_PORT=str(free_port()), **secure)
        stage.publish([("m-1", "good"), ("m-2", "good")])
        first, second = sorted(
            stage.subjects({"m-1", "m-2"}), key=lambda event: str(event["data"]["cached"])
        )
        assert first["data"]["tone"] == second["data"]["tone"]
        # each of them, and none by a password; pika, which looks on, is a guest
        until(lambda: len(logins(rabbit)) >= 3, timeout=60)
        assert set(logins(rabbit)) == {("scorer", "EXTERNAL")}
        for process in (daemon, api):
            assert not process.events("redis_failed")


def test_without_a_certificate_nobody_gets_in(rabbit: SecureRabbit, authority: Authority) -> None:
    with pytest.raises(Unavailable, match=r"see broker\.cert_file and key_file"):
        rabbit.broker(Tls(str(authority.file))).connect()


def test_a_certificate_of_no_user_is_refused(rabbit: SecureRabbit, authority: Authority) -> None:
    with pytest.raises(Refused, match="ACCESS_REFUSED") as refused:
        rabbit.broker(authority.issue("stranger")).connect()
    assert "a user with the name" in refused.value.fix
