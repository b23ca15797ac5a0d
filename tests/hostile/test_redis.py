"""Redis in every bad state: texts are scored without it, and nobody waits for it long."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.chaos.servers import OwnRedis
from tests.hostile.bus import CANARY
from tests.hostile.conftest import House, housed, own_room
from tests.servers import redis_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.conftest import Node

_MESSAGES = 20
_STALL_SECONDS = 3.0
"""Messages in a row, each with its own look-up: far beyond one round trip's timeout of 0.1 s and
the pause after it, far below a timeout for each of them on a busy machine."""


@contextmanager
def _down(redis: OwnRedis) -> Iterator[None]:
    redis.kill()
    yield
    redis.start()


@contextmanager
def _slow(redis: OwnRedis) -> Iterator[None]:
    redis.signal(signal.SIGSTOP)
    yield
    redis.signal(signal.SIGCONT)


@contextmanager
def _told(redis: OwnRedis, begin: str, end: str) -> Iterator[None]:
    with redis_client(redis.url) as client:
        client.execute_command(*begin.split())
    yield
    with redis_client(redis.url) as client:
        client.execute_command(*end.split())


@contextmanager
def _locked(redis: OwnRedis) -> Iterator[None]:
    with redis_client(redis.url) as client:
        client.config_set("requirepass", "secret")
        client.client_kill_filter(_type="normal", skipme=True)
    yield
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
    with own_room(node, config) as room, housed(room | {"TONEBUS_REDIS_URL": redis.url}) as house:
        yield house


@pytest.mark.parametrize("state", STATES)
def test_texts_are_scored_without_redis(sharing: House, redis: OwnRedis, state: str) -> None:
    bus = sharing.bus
    with bus.good_neighbours():
        bus.event(bus.say(f"{CANARY} before {state}"))
        with STATES[state](redis):
            failed = len(sharing.daemon.events("redis_failed"))
            slowest = 0.0
            for number in range(_MESSAGES):
                begun = time.monotonic()
                bus.event(bus.say(f"{CANARY} {state} {number}", id=f"{state}-{number}"))
                slowest = max(slowest, time.monotonic() - begun)
            print(f"Redis {state}: slowest of {_MESSAGES} messages {slowest:.2f} s")
            sharing.daemon.wait_for("redis_failed", count=failed + 1, timeout=10)
        assert slowest < _STALL_SECONDS
        recovered = len(sharing.daemon.events("redis_recovered"))
        while len(sharing.daemon.events("redis_recovered")) == recovered:
            bus.event(bus.say(f"{CANARY} since {state} {time.monotonic()}"))
    assert sharing.daemon.popen.poll() is None
