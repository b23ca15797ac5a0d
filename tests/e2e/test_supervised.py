"""Our three processes under a supervisor that listens as systemd does."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests import models
from tests.own.server import free_port
from tests.processes import Process, running
from tests.proxy import proxied
from tests.supervisors import Listener, listener
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Bench:
    """A place with settings, and an ear."""

    def __init__(self, place: Path, model: Path, broker_url: str, redis_url: str) -> None:
        self.place = place
        self.file = place / "tonebus.toml"
        self.good = models.toml(model)
        self.file.write_text(self.good, encoding="utf-8")
        self.env = {
            "TONEBUS_CONFIG": str(self.file),
            "TONEBUS_BROKER_URL": broker_url,
            "TONEBUS_REDIS_URL": redis_url,
            "WATCHDOG_USEC": "60000000",
        }

    @contextmanager
    def supervised(self, command: str, **env: str) -> Iterator[tuple[Process, Listener]]:
        with (
            listener(self.place) as systemd,
            running(
                command, env={**self.env, "NOTIFY_SOCKET": systemd.address, **env}, ready=""
            ) as process,
        ):
            yield process, systemd


@pytest.fixture
def bench(tmp_path: Path, model_directory: Path, broker_url: str, redis_url: str) -> Bench:
    return Bench(tmp_path, model_directory, broker_url, redis_url)


def test_the_daemon_is_ready_feeds_reloads_and_stops(bench: Bench) -> None:
    with bench.supervised("daemon") as (daemon, systemd):
        systemd.await_line("READY=1")
        assert len(daemon.events("daemon_ready")) == 1
        systemd.await_line("WATCHDOG=1", count=3)
        assert "in flight" in systemd.await_line("STATUS=0 events/s")

        bench.file.write_text("nonsense", encoding="utf-8")
        os.kill(daemon.pid, signal.SIGHUP)
        systemd.await_line("RELOADING=1")
        systemd.await_line("READY=1", count=2)
        assert "refused" in systemd.await_line("STATUS=the new settings")

        bench.file.write_text(bench.good, encoding="utf-8")
        os.kill(daemon.pid, signal.SIGHUP)
        systemd.await_line("RELOADING=1", count=2)
        systemd.await_line("READY=1", count=3)
        daemon.wait_for("settings_reloaded")

        assert daemon.stop() == 0
        systemd.await_line("STOPPING=1")


QUICK = {
    "TONEBUS_BROKER_CONNECT_TIMEOUT": "0.5",
    "TONEBUS_DAEMON_SCORE_TIMEOUT": "1",
    "TONEBUS_DAEMON_CONFIRM_TIMEOUT": "1",
}


def meals(systemd: Listener, seconds: float) -> int:
    """How often the watchdog is fed from now on."""
    systemd.listen()
    systemd.heard.clear()
    return systemd.listen(seconds).count("WATCHDOG=1")


def test_a_broker_that_is_down_is_awaited_and_the_watchdog_fed(bench: Bench) -> None:
    url = f"amqp://guest:guest@127.0.0.1:{free_port()}//"
    with bench.supervised("daemon", TONEBUS_BROKER_URL=url, **QUICK) as (daemon, systemd):
        daemon.wait_for("bus_unavailable", count=4)
        systemd.await_line("STATUS=connecting")
        assert meals(systemd, 5) >= 2


def test_a_broker_that_takes_connections_and_hangs_starves_the_watchdog(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"amqp://guest:guest@127.0.0.1:{mute.getsockname()[1]}//"
        with bench.supervised("daemon", TONEBUS_BROKER_URL=url, **QUICK) as (daemon, systemd):
            daemon.wait_for("progress_missed")
            assert meals(systemd, 4) == 0


def probe(port: int, path: str) -> int:
    """What a probe of a container is told."""
    return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=10).status_code


@pytest.mark.parametrize("command", ["daemon", "worker"])
def test_without_rabbitmq_a_process_lives_and_is_not_ready(bench: Bench, command: str) -> None:
    port = free_port()
    env = QUICK | {
        "TONEBUS_METRICS_PORT": str(port),
        "TONEBUS_BROKER_URL": f"amqp://guest:guest@127.0.0.1:{free_port()}//",
    }
    with bench.supervised(command, **env) as (process, systemd):
        process.wait_for("bus_unavailable", count=3)
        assert probe(port, "/healthz") == 200
        assert probe(port, "/readyz") == 503
        if command == "worker":
            systemd.await_line("EXTEND_TIMEOUT_USEC=", count=3)


def test_a_worker_is_ready_while_it_is_connected(bench: Bench) -> None:
    port = free_port()
    with proxied(bench.env["TONEBUS_BROKER_URL"]) as (proxy, url):
        env = {"TONEBUS_METRICS_PORT": str(port), "TONEBUS_BROKER_URL": url}
        with bench.supervised("worker", **env) as (worker, _):
            worker.wait_for("worker_ready")
            assert probe(port, "/readyz") == 200
            proxy.close()
            until(lambda: probe(port, "/readyz") == 503)
            assert probe(port, "/healthz") == 200


@pytest.mark.parametrize("command", ["daemon", "worker"])
def test_a_probe_finds_a_process_healthy(bench: Bench, command: str) -> None:
    port = free_port()
    with bench.supervised(command, TONEBUS_METRICS_PORT=str(port)) as (process, _):
        process.wait_for(f"{command}_ready")
        assert probe(port, "/healthz") == 200


def test_a_probe_finds_a_process_that_owes_work_and_gets_none_done(bench: Bench) -> None:
    port = free_port()
    env = QUICK | {"TONEBUS_METRICS_PORT": str(port), "WATCHDOG_USEC": "4000000"}
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"amqp://guest:guest@127.0.0.1:{mute.getsockname()[1]}//"
        with bench.supervised("daemon", TONEBUS_BROKER_URL=url, **env) as (daemon, _):
            daemon.wait_for("progress_missed")
            until(lambda: probe(port, "/healthz") == 503)


def test_a_worker_whose_loop_stands_still_starves_its_watchdog(bench: Bench) -> None:
    with bench.supervised("worker") as (worker, systemd):
        systemd.await_line("WATCHDOG=1", count=2)
        os.kill(worker.pid, signal.SIGSTOP)
        systemd.listen(0.5)
        assert meals(systemd, 3) == 0
        os.kill(worker.pid, signal.SIGCONT)
        systemd.await_line("WATCHDOG=1")


def test_wrong_settings_are_shown_for_a_while(bench: Bench) -> None:
    bench.file.write_text("[broker]\nprefetch = -1\n", encoding="utf-8")
    with bench.supervised("daemon") as (daemon, systemd):
        assert "broker.prefetch" in systemd.await_line("STATUS=wrong settings")
        assert daemon.popen.poll() is None
        assert daemon.stop() == -signal.SIGTERM
        assert "READY=1" not in systemd.listen()


def test_a_worker_is_ready_when_it_can_score_and_feeds_from_its_loop(bench: Bench) -> None:
    with bench.supervised("worker") as (worker, systemd):
        systemd.await_line("READY=1")
        assert worker.events("model_warmed")
        worker.wait_for("worker_ready")
        systemd.await_line("WATCHDOG=1", count=3)
        systemd.await_line("STATUS=tiny: 0 texts/s")
        assert worker.stop() == 0
        systemd.await_line("STOPPING=1")


def test_the_api_is_ready_when_it_answers(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with bench.supervised("api", TONEBUS_API_PORT=str(port)) as (api, systemd):
        systemd.await_line("READY=1")
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        systemd.await_line("WATCHDOG=1", count=2)
        assert api.stop() == 0
        systemd.await_line("STOPPING=1")
