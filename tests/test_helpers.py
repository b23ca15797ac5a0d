"""What the other tests lean on keeps its own promises."""

from __future__ import annotations

import os
import signal
import urllib.parse
from typing import TYPE_CHECKING

import amqp
import pytest

from tests import forking
from tests.processes import environment, logged, running
from tests.rooms import empty_redis, own_redis, own_vhost
from tests.servers import ServerMissingError, check_broker, check_redis, redis_client
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path


def open_vhost(url: str) -> amqp.Connection:
    parts = urllib.parse.urlsplit(url)
    return amqp.Connection(
        host=f"{parts.hostname}:{parts.port or 5672}",
        userid=parts.username,
        password=parts.password,
        virtual_host=parts.path[1:],
    )


def test_two_virtual_hosts_do_not_see_each_other(broker_url: str, own_broker_url: str) -> None:
    assert broker_url != own_broker_url
    with open_vhost(own_broker_url) as connection:
        connection.channel().queue_declare("here", auto_delete=False)
    with open_vhost(broker_url) as connection, pytest.raises(amqp.NotFound):
        connection.channel().queue_declare("here", passive=True)


def test_a_virtual_host_ends_with_its_block(broker_url: str) -> None:
    with own_vhost() as url:
        assert url != broker_url
        check_broker(url)
    with pytest.raises(ServerMissingError):
        check_broker(url)


def test_a_redis_database_is_nobody_elses_and_ends_empty(redis_url: str) -> None:
    with own_redis() as url:
        assert url != redis_url
        with redis_client(url) as client:
            client.set("score", "1")
            empty_redis(url)
            assert client.get("score") is None
    with redis_client(url) as client:
        assert client.dbsize() == 0


def test_a_missing_server_is_named_without_its_password() -> None:
    with pytest.raises(ServerMissingError, match="RabbitMQ at amqp://localhost:1/") as missing:
        check_broker("amqp://guest:secret@localhost:1//")
    assert "secret" not in str(missing.value)
    with pytest.raises(ServerMissingError, match="Redis at redis://localhost:1/0"):
        check_redis("redis://:secret@localhost:1/0")


def test_a_process_that_ends_early_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(AssertionError, match="ended with"),
        running("no-such-command", env={}),
    ):
        pass
    assert "--- tonebus no-such-command" in capsys.readouterr().out


def test_a_forked_worker_ends_as_a_process_does(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        files = [output.fileno()] * 3
        env = environment({"TONEBUS_BROKER_URL": "amqp://localhost:1//"})
        assert forking.can_fork(env)
        assert not forking.can_fork(env | {"LANG": "tlh"})
        waiting = forking.fork(["daemon.cli", "worker"], env=env, files=files)
        try:
            assert waiting.poll() is None
            assert os.getpgid(waiting.pid) == waiting.pid
            until(lambda: logged(log, "bus_unavailable"))
        finally:
            os.kill(waiting.pid, signal.SIGKILL)
        assert waiting.wait(30) == -signal.SIGKILL
        assert waiting.poll() == -signal.SIGKILL
        wrong = forking.fork(["daemon.cli", "worker", "--wrong"], env=env, files=files)
        assert wrong.wait(30) == 2
    assert "No such option '--wrong'" in log.read_text(encoding="utf-8")
