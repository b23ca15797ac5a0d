"""The HTTP service as a process among the real ones: behind a proxy, in trouble, and at its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.raw import Connection
from tests.e2e.service import Api, api
from tests.own.server import free_port
from tests.processes import running
from tests.proxy import proxied
from tests.supervisors import listener
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stage import Stage

NEVER = "3600"
QUICK = {
    "TONEBUS_BROKER_CONNECT_TIMEOUT": "0.5",
    "TONEBUS_BROKER_HEARTBEAT": "1",
    "TONEBUS_REDIS_TIMEOUT": "0.5",
}
"""Settings under which a thread counts as stuck after some seconds."""

# A thread that ends, as one does of a bug, or never comes back from a call. It is a BaseException,
# for whatever else is taken for RabbitMQ's.
_STRIKE = """
import ctypes, signal, threading, time
class Struck(BaseException):
    def __init__(self):
        time.sleep({seconds})
def strike(*_):
    [thread] = [each for each in threading.enumerate() if each.name == "predictor"]
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(Struck)
    )
signal.signal(signal.SIGUSR2, strike)
"""


# Predictions ----------------------------------------------------------------------------------


def test_without_a_daemon_it_is_ready_and_predicts(stage: Stage) -> None:
    stage.start("worker")
    with api(stage) as found:
        until(lambda: json.loads(found.get("/status").body)["parts"]["daemons"]["state"] == "down")
        assert found.get("/readyz").status == 200
        assert found.predict("good").status == 200


def test_without_a_worker_nobody_waits(stage: Stage) -> None:
    with api(stage, TONEBUS_API_PREDICT_TIMEOUT=NEVER) as found:
        until(lambda: json.loads(found.get("/status").body)["parts"]["broker"]["ok"])
        reply = found.predict("good")
        assert reply.status == 503
        assert int(reply.headers["retry-after"]) > 0
        assert found.get("/readyz").status == 200


def test_a_new_caller_does_not_wait_behind_hundreds_who_have_left(stage: Stage) -> None:
    worker = stage.start("worker")
    with api(stage, TONEBUS_API_PREDICT_TIMEOUT="2") as found, ThreadPoolExecutor(100) as pool:
        until(lambda: found.predict("good").status == 200)
        os.kill(worker.pid, signal.SIGSTOP)
        # this one is out with the worker, who had nothing else to do
        assert found.predict("the first of many").status == 503
        replies = pool.map(found.predict, (f"number {n}" for n in range(300)))
        assert {reply.status for reply in replies} <= {429, 503}
        os.kill(worker.pid, signal.SIGCONT)
        until(lambda: found.predict("the last").status == 200)
        scored = found.metric('tonebus_scored_texts_total{model="tiny"}')
    assert scored == len(["good", "the first of many", "the last"])


def test_slow_bodies_hold_up_neither_status_nor_predictions(stage: Stage) -> None:
    stage.start("worker")
    with api(stage, TONEBUS_API_CONCURRENCY="4") as found, ExitStack() as stack:
        for _ in range(100):
            slow = stack.enter_context(Connection(found.url))
            slow.send(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        for path in ("/status", "/metrics", "/healthz", "/readyz"):
            assert found.get(path).status == 200
        assert found.predict("good").status == 200


@pytest.mark.parametrize("begun", [b"", b"GET /status HTTP/1.1\r\nHost: x\r\nX: "])
def test_a_request_that_never_comes_does_not_hold_its_connection(
    stage: Stage, begun: bytes
) -> None:
    with api(stage, TONEBUS_API_BODY_TIMEOUT="0.5") as found, Connection(found.url) as slow:
        slow.send(begun)
        assert slow.ended()


# The page -------------------------------------------------------------------------------------

CONTAINER = ("unshare", "--pid", "--fork", "--kill-child")


@pytest.mark.skipif(
    subprocess.run([*CONTAINER, "true"], check=False, capture_output=True).returncode != 0,
    reason="no process may have a number space of its own here: run the tests as root",
)
def test_where_every_process_has_number_1_the_incidents_of_all_are_shown(stage: Stage) -> None:
    port = free_port()
    env = stage.env | {"TONEBUS_API_PORT": str(port)}
    with (
        running("daemon", env=env, within=CONTAINER),
        running("daemon", env=env, within=CONTAINER),
        running("api", env=env, within=CONTAINER) as process,
    ):
        found = Api(process, port)
        until(lambda: len(status(found)["daemons"]) == 2)
        assert {each["pid"] for each in status(found)["daemons"]} == {1}
        stage.send(b"{broken")
        until(lambda: [each["code"] for each in status(found)["incidents"]] == ["message_parked"])
        assert status(found)["incidents"][0]["who"].startswith("daemon 1 on ")


def test_a_connector_that_pauses_is_named_with_its_reason(stage: Stage) -> None:
    stage.start("daemon", TONEBUS_DAEMON_HOLD_SECONDS="1")
    with api(stage) as found:
        stage.send(b'{"text": "good"}')
        until(lambda: "Paused" in status(found)["parts"]["daemons"]["detail"])
        part = status(found)["parts"]["daemons"]
        assert part["detail"] == "Paused: “input” (no worker is running)"
        assert "tonebus worker" in part["fix"]
        assert status(found)["daemons"][0]["pauses"] == {"input": "no-worker"}


def status(found: Api) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(found.get("/status").body)
    return read


# Its own health -------------------------------------------------------------------------------


def test_a_dead_predictor_ends_the_process_and_the_log_has_the_reason(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_STRIKE.format(seconds=0), encoding="utf-8")
    with api(stage, PYTHONPATH=str(tmp_path)) as found:
        assert found.get("/healthz").status == 200
        os.kill(found.process.pid, signal.SIGUSR2)
        assert found.process.popen.wait(30) == os.EX_SOFTWARE
        assert "Struck" in found.process.events("predictor_died")[0]["error"]


def test_a_stuck_predictor_fails_the_probes_and_starves_the_watchdog(
    stage: Stage, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_STRIKE.format(seconds=NEVER), encoding="utf-8")
    with listener(tmp_path) as systemd:
        env = QUICK | {
            "PYTHONPATH": str(tmp_path),
            "NOTIFY_SOCKET": systemd.address,
            "WATCHDOG_USEC": "60000000",
        }
        with api(stage, **env) as found:
            systemd.await_line("WATCHDOG=1", count=2)
            os.kill(found.process.pid, signal.SIGUSR2)
            until(lambda: found.get("/healthz").status == 503)
            assert "stuck" in json.loads(found.get("/healthz").body)["detail"]
            assert found.get("/readyz").status == 503
            assert found.predict("good").status == 503
            systemd.await_line("STATUS=the predictor thread has been stuck")
            systemd.heard.clear()
            assert systemd.listen(3).count("WATCHDOG=1") == 0


def test_a_broker_that_hangs_is_not_our_illness(stage: Stage) -> None:
    with (
        proxied(stage.env["TONEBUS_BROKER_URL"]) as (proxy, url),
        api(stage, **QUICK, TONEBUS_BROKER_URL=url) as found,
    ):
        until(lambda: status(found)["parts"]["broker"]["ok"])
        proxy.stalled.set()
        until(lambda: status(found)["parts"]["broker"]["state"] == "down")
        assert found.get("/healthz").status == found.get("/readyz").status == 200
        assert found.predict("good").status == 503
        proxy.stalled.clear()
        until(lambda: status(found)["parts"]["broker"]["ok"])


def test_where_rabbitmq_refuses_it_the_log_the_page_and_systemd_have_the_reason(
    stage: Stage, tmp_path: Path
) -> None:
    url = stage.env["TONEBUS_BROKER_URL"].replace("guest:guest@", "guest:canary4711@")
    with (
        listener(tmp_path) as supervisor,
        api(stage, TONEBUS_BROKER_URL=url, NOTIFY_SOCKET=supervisor.address) as found,
    ):
        # it goes on, for nothing else would say so
        assert "ACCESS_REFUSED" in found.process.wait_for("bus_unavailable")["error"]
        supervisor.await_line("STATUS=answering")
        until(lambda: any("ACCESS_REFUSED" in line for line in supervisor.listen(0.1)))
        broker = status(found)["parts"]["broker"]
        assert (broker["state"], "ACCESS_REFUSED" in broker["fix"]) == ("down", True)
        assert found.get("/healthz").status == 200
        assert found.predict("good").status == 503
        said = found.process.log.read_text(encoding="utf-8") + str(supervisor.heard) + str(broker)
    assert "canary4711" not in said


def test_a_gauge_vanishes_with_the_queue_that_it_measured(stage: Stage) -> None:
    daemon = stage.start("daemon")
    with api(stage) as found:
        gauge = 'tonebus_queue_messages{queue="sentiment.source.input"}'
        until(lambda: found.metric(gauge) == 0)
        until(lambda: found.metric("tonebus_daemons") == 1)
        daemon.stop()
        until(lambda: found.metric("tonebus_daemons") == 0)
        stage.delete("sentiment.source.input")
        until(lambda: found.metric(gauge) is None)


def test_gauges_vanish_with_the_servers_that_told_them(stage: Stage) -> None:
    with (
        proxied(stage.env["TONEBUS_BROKER_URL"]) as (broker, broker_url),
        proxied(stage.env["TONEBUS_REDIS_URL"]) as (redis, redis_url),
        api(stage, TONEBUS_BROKER_URL=broker_url, TONEBUS_REDIS_URL=redis_url) as found,
    ):
        gauge = 'tonebus_queue_messages{queue="sentiment.score.tiny"}'
        until(lambda: found.metric(gauge) == 0)
        until(lambda: found.metric("tonebus_daemons") == 0)
        broker.close()
        redis.close()
        until(lambda: found.metric(gauge) is None)
        until(lambda: found.metric("tonebus_daemons") is None)
        assert found.metric("tonebus_redis_left_alone") == 1


# Behind a proxy -------------------------------------------------------------------------------


@pytest.mark.parametrize(("trusted", "client"), [("", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.9")])
def test_a_caller_is_known_by_the_address_that_a_trusted_proxy_gives(
    stage: Stage, trusted: str, client: str
) -> None:
    env = {"TONEBUS_API_TOKEN": "s3cret", "TONEBUS_API_TRUSTED_PROXIES": trusted}
    with api(stage, **env) as found:
        reply = found.get("/status", X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https")
        assert reply.status == 401
        assert found.process.wait_for("token_refused")["client"] == client


def test_what_is_no_http_is_refused_and_logged_once_with_its_sender(stage: Stage) -> None:
    with api(stage) as found:
        for _ in range(3):
            with Connection(found.url) as scanner:
                scanner.send(b"\x16\x03\x01 hello\r\n\r\n")
                assert scanner.reply().status == 400
        [event] = found.process.events("request_malformed")
        assert event["client"] == "127.0.0.1"
        assert "Invalid HTTP request" not in found.process.log.read_text(encoding="utf-8")


def test_an_idle_connection_is_kept_as_long_as_the_settings_say(stage: Stage) -> None:
    with api(stage, TONEBUS_API_KEEP_ALIVE="1") as found, Connection(found.url) as idle:
        assert idle.get("/healthz").status == 200
        assert idle.ended()


def test_a_prediction_in_work_is_answered_before_a_stop(stage: Stage) -> None:
    worker = stage.start("worker")
    with api(stage) as found, Connection(found.url) as caller:
        until(lambda: found.predict("good").status == 200)
        os.kill(worker.pid, signal.SIGSTOP)
        caller.ask("POST", "/predict", {"text": "bad"})
        assert found.get("/healthz").status == 200
        found.process.popen.terminate()
        until(found.refuses)
        os.kill(worker.pid, signal.SIGCONT)
        assert caller.reply("POST").status == 200
        assert found.process.popen.wait(30) == 0


def test_open_pages_do_not_delay_a_stop(stage: Stage) -> None:
    with api(stage) as found, ExitStack() as stack:
        for _ in range(5):
            page = stack.enter_context(Connection(found.url))
            page.ask("GET", "/events")
            idle = stack.enter_context(Connection(found.url))
            assert idle.get("/status").status == 200
        assert found.process.stop() == 0
        assert "shutdown exceeded" not in found.process.log.read_text(encoding="utf-8")
        assert found.process.events("api_stopped")
