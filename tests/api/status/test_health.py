"""From facts to the state of each part, with its fix."""

from __future__ import annotations

from typing import Any

import pytest

from api.status import health
from api.status.health import Facts
from api.status.schemas import Queue
from daemon.pipeline import pauses
from daemon.status.snapshot import Daemon, Rates, Worker


def daemon(**changes: Any) -> Daemon:
    fields: dict[str, Any] = {
        "instance": "d", "host": "h", "pid": 7, "version": "1", "since": 0.0, "at": 0.0,
        "lost": False, "state": "working", "memory": 1, "worst_case": 1, "in_flight": 0,
        "rates": Rates(),
    }  # fmt: skip
    return Daemon(**(fields | changes))


def worker(revision: str) -> Worker:
    return Worker(
        instance="w", host="h", pid=8, version="1", since=0, at=0, serves="default",
        model="m", revision=revision, device="cpu", threads=1, rate=0, busy=0, texts=0, memory=1,
    )  # fmt: skip


def source(messages: int = 0, consumers: int = 1) -> Queue:
    return Queue(name="q", role="source", messages=messages, consumers=consumers)


def facts(**changes: Any) -> Facts:
    fine = Facts(
        broker="", blocked=False, redis="", sighted=True, queues=[source()],
        listeners={"default": 1}, revisions={"default": "r1"}, daemons=[daemon()],
        workers=[worker("r1")], lost=[], events=1.0, consuming=True, further={},
    )  # fmt: skip
    return fine._replace(**changes)


def test_all_is_well() -> None:
    found = health.parts(facts())
    assert {part.state for part in found.values()} == {"healthy"}
    assert health.overall(found) == ("healthy", "All is well", "")


def test_a_worker_of_a_further_model_says_whose_it_is() -> None:
    found = health.parts(facts(further={"default": ["a", "b"]}))
    assert found["workers default"].detail == "1 running, a further model of “a”, “b”"
    assert health.overall(found).headline == "All is well"


@pytest.mark.parametrize(
    ("changes", "part", "state", "words"),
    [
        ({"broker": "refused"}, "broker", "down", "Start RabbitMQ"),
        ({"blocked": True}, "broker", "down", "short of memory or disk"),
        ({"redis": "ConnectionError"}, "redis", "degraded", "Start Redis"),
        ({"redis": "OutOfMemoryError"}, "redis", "degraded", "Is full"),
        ({"listeners": {"default": 0}}, "workers default", "down", "worker --model default"),
        ({"listeners": {}, "further": {"default": ["a"]}}, "workers default", "degraded",
         "events of “a” go without its answer"),
        ({"workers": [worker("r2")]}, "workers default", "degraded", "another revision"),
        ({"daemons": [], "queues": [source(consumers=0)]}, "daemons", "down", "tonebus daemon"),
        ({"daemons": [daemon(lost=True)]}, "daemons", "down", "stopped reporting"),
        ({"daemons": [], "lost": [daemon(lost=True)]}, "daemons", "down", "process 7 on h"),
        ({"lost": [daemon(lost=True)]}, "daemons", "degraded", "1 running, 1 stopped reporting"),
        (
            {"daemons": [daemon(state="paused", pauses={"a": "bad-messages"})]},
            "daemons", "down", "sentiment.parked",
        ),
        (
            {"daemons": [daemon(pauses={"a": "publish-refused"}), daemon()]},
            "daemons", "degraded", "Paused: “a” (what it publishes is refused)",
        ),
        (
            {"daemons": [daemon(state="paused", pauses={"a": "internal-error"})]},
            "daemons", "down", "See the incidents below",
        ),
        ({"daemons": [daemon(state="connecting")]}, "daemons", "down", "onnecting"),
        ({"daemons": [daemon(state="quarantine")]}, "daemons", "degraded", "one message at a time"),
        ({"daemons": [daemon(state="draining")]}, "daemons", "degraded", "Start one again"),
        (
            {"queues": [Queue(name="sentiment.unrouted", role="unrouted", messages=3,
                              consumers=0)]},
            "messages", "degraded", "3 events reached no queue",
        ),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_fix(
    changes: dict[str, Any], part: str, state: str, words: str
) -> None:
    found = health.parts(facts(**changes))
    assert found[part].state == state
    assert found[part].fix
    assert words in f"{found[part].detail} {found[part].fix}"
    whole = health.overall(found)
    assert whole.state == state
    assert found[part].fix in whole.advice


@pytest.mark.parametrize("reason", pauses.FIXES)
def test_every_reason_of_a_pause_has_words_and_a_fix(reason: str) -> None:
    stopped = daemon(state="paused", pauses={"a": reason})
    part = health.parts(facts(daemons=[stopped]))["daemons"]
    assert reason not in part.detail
    assert part.fix[1:].startswith(pauses.FIXES[reason][1:])


def test_many_pauses_are_counted() -> None:
    stopped = daemon(state="paused", pauses={f"c{n}": pauses.NO_WORKER for n in range(9)})
    assert "and 6 more" in health.parts(facts(daemons=[stopped]))["daemons"].detail


def test_without_redis_rabbitmq_tells_of_daemons() -> None:
    found = health.parts(facts(redis="TimeoutError", daemons=[], workers=[]))
    assert found["daemons"].state == "healthy"
    assert "according to RabbitMQ" in found["daemons"].detail


def test_in_the_first_seconds_nobody_is_missed() -> None:
    found = health.parts(facts(daemons=[], sighted=False, queues=[source(consumers=0)]))
    assert found["daemons"].state == "starting"


def test_without_a_connector_no_daemon_is_needed() -> None:
    assert "daemons" not in health.parts(facts(daemons=[], consuming=False))


def test_the_broker_comes_first() -> None:
    whole = health.overall(health.parts(facts(broker="refused", listeners={"default": 0})))
    assert whole.advice.startswith("RabbitMQ")
