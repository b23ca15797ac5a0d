"""Nothing of a text is told to anybody but the bus."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import redis

from tests.chaos.oracle import pause_until
from tests.hostile.bus import CANARY
from tests.hostile.cases import LABELLED, PARKED
from tests.hostile.conftest import housed
from tests.own.server import free_port
from tests.processes import running
from tests.servers import redis_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hostile.conftest import House, Node

_WORDS = CANARY.encode().split()


def test_the_canary_is_in_no_log_no_cache_and_no_status(
    node: Node, house: House, room: dict[str, str]
) -> None:
    with redis_client(room["TONEBUS_REDIS_URL"]) as client:
        client.flushdb()
    port = free_port()
    with housed(room) as ours, running("api", env=room | {"TONEBUS_API_PORT": str(port)}, ready=""):
        cases = [*PARKED, *LABELLED]
        keys = [ours.bus.send(case.body, **case.properties) for case in cases]
        for key in keys:
            ours.bus.outcome(key)
        ours.bus.say(f"{CANARY} again", id=f"id of {CANARY}")
        ours.bus.event(ours.bus.say("what flushes the writes"))
        told = {
            "the daemon's log": ours.daemon.log.read_bytes(),
            "the worker's log": ours.worker.log.read_bytes(),
            "the log of the daemon that all tests share": house.daemon.log.read_bytes(),
            "the log of the worker that all tests share": house.worker.log.read_bytes(),
            "RabbitMQ's log": (node.broker.directory / "output.log").read_bytes(),
            "Redis": _redis(room["TONEBUS_REDIS_URL"]),
        }
        for path in ("/status", "/metrics", "/readyz", "/healthz", "/"):
            told[path] = _get(f"http://127.0.0.1:{port}{path}")
    assert told["Redis"]
    assert told["/status"]
    found = {where: word for where, said in told.items() for word in _WORDS if word in said}
    assert not found


def _redis(url: str) -> bytes:
    """Every key and every value, of whatever type."""
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter("*"))
        reads: dict[bytes, Callable[[bytes], object]] = {
            b"string": client.get, b"hash": client.hgetall, b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
        }  # fmt: skip
        found = [(key, reads[client.type(key)](key)) for key in keys]
    return repr(found).encode() if keys else b""


def _get(url: str) -> bytes:
    """What it answers, once it listens; also the body of a refusal."""
    answer = b""

    def answered() -> bool:
        nonlocal answer
        try:
            with urllib.request.urlopen(url, timeout=30) as reply:
                answer = reply.read()
        except urllib.error.HTTPError as refused:
            answer = refused.read()
        except urllib.error.URLError:
            return False
        return True

    assert pause_until(answered, timeout=60, every=0.1)
    return answer
