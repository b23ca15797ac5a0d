"""Redis in every bad state: texts are scored without it, and nobody waits for it long."""

from __future__ import annotations

import itertools
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.hostile.bus import CANARY
from tests.hostile.conftest import House, housed, own_room
from tests.own.redis import OwnRedis
from tests.servers import redis_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.conftest import Node
    from tests.processes import Process

_TURNS = {"redis_failed", "redis_recovered"}
_NOTICE_SECONDS = 30.0
_MESSAGES = 20
_STALL_SECONDS = 3.0
"""Messages in a row, each with its own look-up: far beyond one round trip's timeout of 0.1 s and
the pause after it, far below a timeout for each of them on a busy machine."""


@contextmanager
def _down(redis: OwnRedis) -> Iterator[None]:
    redis.kill()
    try:
        yield
    finally:
        redis.start()


@contextmanager
def _slow(redis: OwnRedis) -> Iterator[None]:
    redis.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        redis.signal(signal.SIGCONT)


@contextmanager
def _told(redis: OwnRedis, begin: str, end: str) -> Iterator[None]:
    with redis_client(redis.url) as client:
        client.execute_command(*begin.split())
    try:
        yield
    finally:
        with redis_client(redis.url) as client:
            client.execute_command(*end.split())


@contextmanager
def _locked(redis: OwnRedis) -> Iterator[None]:
    with redis_client(redis.url) as client:
        client.config_set("requirepass", "secret")
        client.client_kill_filter(_type="normal", skipme=True)
    try:
        yield
    finally:
        with redis_client(redis.url.replace("redis://", "redis://:secret@")) as client:
            client.config_set("requirepass", "")


STATES = {
    "down": _down,
    "slow": _slow,
    "full": lambda redis: _told(redis, "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    "read-only": lambda redis: _told(redis, "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    "locked": _locked,
}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    own = OwnRedis(tmp_path_factory.mktemp("redis") / "own")
    own.start()
    yield own
    own.close()


@pytest.fixture(scope="module")
def sharing(node: Node, config: Path, redis: OwnRedis) -> Iterator[House]:
    with housed(own_room(node, config) | {"TONEBUS_REDIS_URL": redis.url}) as house:
        yield house


def _failing(daemon: Process) -> bool:
    """Whether it leaves Redis alone, by what it logged last; a slow start may make it so too."""
    facts = [fact["event"] for fact in daemon.events()]
    return [fact for fact in facts if fact in _TURNS][-1:] == ["redis_failed"]


def _settle(house: House, texts: str, *, failing: bool) -> None:
    """Say one text after another until the daemon has noticed what became of Redis."""
    deadline = time.monotonic() + _NOTICE_SECONDS
    for number in itertools.count():
        house.bus.event(house.bus.say(f"{CANARY} {texts} {number}"))
        if _failing(house.daemon) is failing:
            return
        assert time.monotonic() < deadline, f"failing should be {failing}, {texts}"
        time.sleep(0.05)


@pytest.mark.parametrize("state", STATES)
def test_texts_are_scored_without_redis(sharing: House, redis: OwnRedis, state: str) -> None:
    bus = sharing.bus
    with bus.good_neighbours():
        _settle(sharing, f"before {state}", failing=False)
        with STATES[state](redis):
            slowest = 0.0
            for number in range(_MESSAGES):
                begun = time.monotonic()
                bus.event(bus.say(f"{CANARY} {state} {number}", id=f"{state}-{number}"))
                slowest = max(slowest, time.monotonic() - begun)
            print(f"Redis {state}: slowest of {_MESSAGES} messages {slowest:.2f} s")
            _settle(sharing, f"still {state}", failing=True)
        assert slowest < _STALL_SECONDS
        _settle(sharing, f"since {state}", failing=False)
    assert sharing.daemon.popen.poll() is None
