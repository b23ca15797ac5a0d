"""What the processes promise beside the main job: they stay light, end well, and keep silent."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.own.server import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from tests.e2e.stage import Stage
    from tests.processes import Process

CANARY = "Kanarienvogel"
_TELL_MODULES = """
import os, signal, sys
def tell(*_):
    path = os.environ["TELL_MODULES"]
    with open(path + ".part", "w") as file:
        file.write("\\n".join(sys.modules))
    os.rename(path + ".part", path)
signal.signal(signal.SIGUSR2, tell)
"""
_HEAVY = {"torch", "transformers", "tokenizers", "safetensors", "numpy"}


@pytest.fixture
def telling(tmp_path: Path) -> dict[str, str]:
    """Variables under which a process writes down its modules on SIGUSR2."""
    (tmp_path / "sitecustomize.py").write_text(_TELL_MODULES, encoding="utf-8")
    return {"PYTHONPATH": str(tmp_path), "TELL_MODULES": str(tmp_path / "modules.txt")}


def modules(process: Process, telling: dict[str, str]) -> set[str]:
    path = Path(telling["TELL_MODULES"])
    os.kill(process.pid, signal.SIGUSR2)
    until(path.exists)
    return {name.partition(".")[0] for name in path.read_text(encoding="utf-8").split()}


def test_a_daemon_at_work_has_loaded_no_model_library(
    stage: Stage, telling: dict[str, str]
) -> None:
    daemon = stage.start("daemon", **telling)
    stage.watch()
    stage.publish([("m-1", " ")])  # a blank text needs no worker
    stage.collect(1)
    loaded = modules(daemon, telling)
    assert {"amqp", "redis", "daemon"} <= loaded
    assert not loaded & _HEAVY
    assert "fastapi" not in loaded


def test_an_api_at_work_has_loaded_no_model_library(stage: Stage, telling: dict[str, str]) -> None:
    port = free_port()
    api = stage.start("api", TONEBUS_API_PORT=str(port), **telling)
    assert ask(port, "/healthz") == {"status": "ok"}
    until(lambda: ask(port, "/status")["parts"]["broker"]["ok"])
    assert ask(port, "/predict", {"text": " "})["tone"] == "none"
    loaded = modules(api, telling)
    assert {"amqp", "fastapi", "api"} <= loaded
    assert not loaded & _HEAVY


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_daemon_that_is_told_to_stop_finishes_what_it_holds_and_exits_0(
    stage: Stage, how: signal.Signals
) -> None:
    daemon = stage.start("daemon")
    stage.watch()
    stage.publish([(f"m-{n}", " " * n) for n in range(200)])
    os.kill(daemon.pid, how)
    assert daemon.popen.wait(30) == 0
    assert daemon.events("drain_finished")[0]["returned"] == 0
    assert daemon.events()[-1]["event"] == "daemon_stopped"
    rest = stage.depth("sentiment.source.input")
    assert len(stage.collect(200 - rest)) == 200 - rest


def test_a_worker_that_is_told_to_stop_exits_0(stage: Stage) -> None:
    worker = stage.start("worker")
    assert worker.stop() == 0


def test_no_text_reaches_logs_or_redis(stage: Stage) -> None:
    port = free_port()
    # one worker that serves all: the stage has its own virtual host
    processes = [
        stage.start("daemon", TONEBUS_LOG_LEVEL="debug"),
        stage.start("worker", TONEBUS_LOG_LEVEL="debug"),
        stage.start("api", TONEBUS_API_PORT=str(port), TONEBUS_LOG_LEVEL="debug"),
    ]
    stage.watch()
    quoted = json.dumps(f"{CANARY} \ud800 \0 \x1b[31m")
    good = [
        b'{"text": "%s good"}' % CANARY.encode(),
        b'{"text": "%s good", "id": "m-1"}' % CANARY.encode(),
        b'{"text": %s, "id": "m-2"}' % quoted.encode(),
        b'{"text": "%s"}' % (CANARY.encode() * 3000),
    ]
    bad = [
        b"{broken %s" % CANARY.encode(),
        b'{"%s": 1}' % CANARY.encode(),
        b'{"text": {"%s": 1}}' % CANARY.encode(),
        b'["%s"]' % CANARY.encode(),
        b"\xff%s" % CANARY.encode(),
        b'{"text": "%s", "x": NaN}' % CANARY.encode(),
    ]
    for body in good + bad:
        stage.send(body)
    stage.send(f"{CANARY} plain".encode(), content_type="text/plain")
    events = stage.collect(len(good) + 1)
    until(lambda: stage.depth("sentiment.parked") == len(bad))
    until(lambda: ask(port, "/status")["ready"])
    ask(port, "/predict", {"text": f"{CANARY} asked"})
    status = ask(port, "/status")

    for process in processes:
        assert process.stop() == 0
        assert CANARY not in process.log.read_text(encoding="utf-8", errors="replace")
    assert CANARY not in json.dumps([events, status])
    kept = everything_in(stage.env["TONEBUS_REDIS_URL"])
    assert len(kept) > len(good)
    assert not [entry for entry in kept if CANARY.encode() in entry]
    for properties, _ in stage.take("sentiment.parked"):
        assert CANARY not in str(properties.headers)


def ask(port: int, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    until(lambda: listens(port))  # it says that it is ready a moment before
    with urllib.request.urlopen(request, timeout=30) as reply:
        read: dict[str, Any] = json.loads(reply.read())
    return read


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def everything_in(url: str) -> list[bytes]:
    """Every key and value of a database."""
    client: Any = redis.Redis.from_url(url)
    keys = client.keys("*")
    return [*keys, *(value for value in client.mget(keys) if value)]
