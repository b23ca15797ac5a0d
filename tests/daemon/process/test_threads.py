"""A process ends when one of its threads fails, and logs it."""

from __future__ import annotations

import json
import subprocess
import sys

from daemon.process.threads import EX_SOFTWARE

FAILING = """
import threading, time
from daemon.process import threads
from daemon.telemetry import logs
logs.configure("json", "info")
threads.end_with_any()
def fail():
    raise RuntimeError("canary4711")
threading.Thread(target=fail, name="report", daemon=True).start()
time.sleep(60)
"""

LOSING = """
import time
from daemon.telemetry import logs
from daemon.worker.pool import ForwardPool
logs.configure("json", "info")
def handle():
    raise MemoryError("canary4711")
ForwardPool(limit=1).apply_async(handle)
time.sleep(60)
"""

WITHOUT_GPU = """
from celery import Celery
from connectors.errors import Unavailable
from connectors.scoring.protocol import TASK
from daemon.telemetry import logs
from daemon.worker.task import InHand, register
logs.configure("json", "info")
def fail(texts, headers):
    raise Unavailable("the GPU failed")
app = Celery(backend="cache+memory://")
register(app, {"queue": (fail, None)}, 60, InHand())
task = app.tasks[TASK]
task.push_request(id="1", delivery_info={"routing_key": "queue"})
task.run(["canary4711"])
"""


def fact(program: str) -> dict[str, object]:
    """Run a program that ends itself; return the one fact that it logged."""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == EX_SOFTWARE, ended.stderr
    assert "canary" not in ended.stderr
    [line] = ended.stderr.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def test_a_thread_that_fails_ends_its_process() -> None:
    found = fact(FAILING)
    assert (found["event"], found["thread"], found["error"]) == (
        "thread_died", "report", "RuntimeError",
    )  # fmt: skip


def test_a_worker_ends_where_a_request_would_stay_unacknowledged() -> None:
    found = fact(LOSING)
    assert (found["event"], found["error"]) == ("request_lost", "MemoryError")


def test_a_worker_ends_where_its_gpu_failed_and_tells_no_text_of_it() -> None:
    found = fact(WITHOUT_GPU)
    assert (found["event"], found["error"]) == ("gpu_lost", "the GPU failed")
