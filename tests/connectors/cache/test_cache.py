"""Redis in every bad state is a miss: in time, and then left alone for a while."""

from __future__ import annotations

import socket
import time
import urllib.parse
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from connectors.cache import Cache, RedisStore
from connectors.messages import Model, Score
from tests.own.server import free_port
from tests.proxy import proxied
from tests.servers import redis_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TIMEOUT = 0.1
BOUNDED_SECONDS = 1.0
"""Ten time-outs: generous, for the machine may be busy. Redis-py's own retries take longer."""
WRITE = (b"k", b"v", 60)


class Clock:
    """Monotonic seconds by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def in_time(call: Callable[[], list[bytes | None]]) -> list[bytes | None]:
    begun = time.monotonic()
    found = call()
    assert time.monotonic() - begun < BOUNDED_SECONDS
    return found


def with_login(url: str, login: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}").geturl()


def test_where_nothing_listens_everything_is_a_miss() -> None:
    store = RedisStore(f"redis://:s3cret-canary@127.0.0.1:{free_port()}/0", timeout=TIMEOUT)
    assert in_time(lambda: store.exchange([b"k", b"l"], [WRITE])) == [None, None]
    assert store.fault
    assert "s3cret-canary" not in store.fault
    assert not store.ping()


def test_a_host_without_a_name_is_a_miss() -> None:
    store = RedisStore("redis://no-such-host.invalid:6379/0", timeout=TIMEOUT)
    assert store.exchange([b"k"], [WRITE]) == [None]
    assert store.fault


def test_a_redis_that_never_answers_costs_its_timeout_once_and_is_then_left_alone() -> None:
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as hole:
        port = hole.getsockname()[1]
        store = RedisStore(f"redis://127.0.0.1:{port}/0", timeout=TIMEOUT, rest=5, clock=clock)
        assert in_time(lambda: store.exchange([b"k"], [WRITE])) == [None]
        assert store.fault
        came = connections(hole)
        assert came
        clock.now += 4.9
        for _ in range(100):
            assert store.exchange([b"k"], [WRITE]) == [None]
        assert connections(hole) == 0
        clock.now += 0.2
        assert in_time(lambda: store.exchange([b"k"], [WRITE])) == [None]
        assert connections(hole) == came


def test_a_slow_redis_is_a_miss_and_used_again_when_it_answers(redis_url: str) -> None:
    clock = Clock()
    with proxied(redis_url) as (proxy, url):
        store = RedisStore(url, timeout=TIMEOUT, rest=5, clock=clock)
        assert store.exchange([b"k"], [WRITE]) == [b"v"]
        proxy.stalled.set()
        assert in_time(lambda: store.exchange([b"k"], [])) == [None]
        assert store.fault
        proxy.stalled.clear()
        assert store.exchange([b"k"], []) == [None]
        clock.now += 5.1
        # the late answer to the first question must not be taken for that to the second
        assert store.exchange([b"l", b"k"], []) == [None, b"v"]
        assert not store.fault


def test_a_connection_cut_behind_our_back_is_one_miss_at_most(redis_url: str) -> None:
    clock = Clock()
    with proxied(redis_url) as (proxy, url):
        store = RedisStore(url, timeout=3, rest=5, clock=clock)
        assert store.exchange([b"k"], [WRITE]) == [b"v"]
        proxy.cut()
        assert store.exchange([b"k"], []) in ([None], [b"v"])
        clock.now += 5.1
        assert store.exchange([b"k"], []) == [b"v"]


def test_a_wrong_password_is_a_miss(redis_url: str) -> None:
    store = RedisStore(with_login(redis_url, "nobody:s3cret-canary"), timeout=3)
    assert store.exchange([b"k"], [WRITE]) == [None]
    assert store.fault
    assert "s3cret-canary" not in store.fault


def test_a_redis_that_refuses_writes_still_gives_what_it_has(redis_url: str) -> None:
    with redis_client(redis_url) as client:
        client.set("tonebus:k", "old")
    clock = Clock()
    with read_only(redis_url) as url:
        store = RedisStore(url, timeout=3, rest=5, clock=clock)
        assert store.exchange([b"k"], [WRITE]) == [b"old"]
        assert store.fault == "NoPermissionError"


def test_one_round_trip_serves_many_scores_and_marks(redis_url: str) -> None:
    store = Counting(redis_url)
    cache = Cache(store, secret="", score_ttl=60, mark_ttl=60)
    model = Model("tiny", "r1")
    keys = [cache.score_key(model, "none", f"text {n}") for n in range(100)]
    marks = [cache.mark_key(f"event-{n}", model) for n in range(100)]
    for key, mark in zip(keys, marks, strict=True):
        cache.remember_score(key, Score({"neutral": 1.0}, 3))
        cache.remember_mark(mark)
    scores, published = cache.look_up(keys, marks)
    assert scores.keys() == set(keys)
    assert published == set(marks)
    assert store.exchanges == 1


def test_entries_live_as_long_as_they_were_told(redis_url: str) -> None:
    store = RedisStore(redis_url, timeout=3)
    cache = Cache(store, secret="", score_ttl=1000, mark_ttl=50)
    cache.remember_score(cache.score_key(Model("m", "r"), "none", "x"), Score({}, 0))
    cache.remember_mark(cache.mark_key("e", Model("m", "r")))
    cache.look_up([])
    assert 900 < time_left(redis_url, b"tonebus:s:") <= 1000
    assert 40 < time_left(redis_url, b"tonebus:m:") <= 50


# The index ------------------------------------------------------------------------------------


def indexed(url: str) -> int:
    with redis_client(url) as client:
        return int(client.zcard("tonebus:index"))


def test_an_index_that_nobody_reads_does_not_grow_for_ever(redis_url: str) -> None:
    today = 1_700_000_000.0
    store = RedisStore(redis_url, timeout=3, wall=lambda: today)
    for start in range(200):
        store.post(b"index", [(b"process-%d" % start, b"v", 8)])
    assert indexed(redis_url) == 200
    today += 25 * 3600
    store.post(b"index", [(b"process-200", b"v", 8)])
    assert indexed(redis_url) == 1


def test_a_clock_that_is_hours_ahead_strikes_out_nobody(redis_url: str) -> None:
    now = time.time()
    ahead = RedisStore(redis_url, timeout=3, wall=lambda: now + 12 * 3600)
    right = RedisStore(redis_url, timeout=3, wall=lambda: now)
    right.post(b"index", [(b"right", b"v", 8)])
    ahead.post(b"index", [(b"ahead", b"v", 8)])
    assert right.gather(b"index") == ahead.gather(b"index") == {b"right": b"v", b"ahead": b"v"}


def test_what_expires_soon_takes_nothing_else_with_it(redis_url: str) -> None:
    store = RedisStore(redis_url, timeout=3)
    store.post(b"index", [(b"hour", b"1", 3600)])
    store.post(b"index", [(b"live", b"2", 1)])
    assert time_left(redis_url, b"tonebus:index") > 3600


def test_a_reader_strikes_out_what_has_expired(redis_url: str) -> None:
    store = RedisStore(redis_url, timeout=3)
    store.post(b"index", [(b"gone", b"v", 60), (b"here", b"v", 60)])
    with redis_client(redis_url) as client:
        client.delete("tonebus:gone")
    assert store.gather(b"index") == {b"here": b"v"}
    assert indexed(redis_url) == 1


# Keys -----------------------------------------------------------------------------------------


def keyed(secret: str) -> Cache:
    return Cache(RedisStore("redis://localhost", timeout=1), secret=secret, score_ttl=1, mark_ttl=1)


def test_a_key_depends_on_all_that_decides_a_score() -> None:
    plain = Model("tiny", "r1")
    keys = {
        keyed("").score_key(plain, "none", "good"),
        keyed("").score_key(plain, "none", "bad"),
        keyed("").score_key(plain, "tweet", "good"),
        keyed("").score_key(Model("tiny", "r2"), "none", "good"),
        keyed("secret").score_key(plain, "none", "good"),
        keyed("").mark_key("good", Model("tiny", "r1")),
    }
    assert len(keys) == 6
    assert keyed("").score_key(Model("renamed", "r1"), "none", "good") in keys


def test_neither_text_nor_id_can_be_read_from_a_key() -> None:
    for key in (
        keyed("").score_key(Model("tiny", "r1"), "none", "canary4711"),
        keyed("").mark_key("canary4711", Model("tiny", "r1")),
    ):
        assert b"canary" not in key
        assert len(key) < 40


class Counting(RedisStore):
    """Redis, and how often it was asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url, timeout=3)
        self.exchanges = 0

    def exchange(
        self, reads: Sequence[bytes], writes: Sequence[tuple[bytes, bytes, int]]
    ) -> list[bytes | None]:
        self.exchanges += 1
        return super().exchange(reads, writes)


def connections(listener: socket.socket) -> int:
    """Accept, and close, all that came."""
    count = 0
    listener.setblocking(False)
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@contextmanager
def read_only(url: str) -> Iterator[str]:
    """A user of Redis who may read and nothing else."""
    name = f"tonebus-test-{uuid.uuid4().hex}"
    with redis_client(url) as client:
        client.execute_command("ACL", "SETUSER", name, "on", ">pw", "~*", "+@read", "+@connection")
        try:
            yield with_login(url, f"{name}:pw")
        finally:
            client.execute_command("ACL", "DELUSER", name)


def time_left(url: str, prefix: bytes) -> int:
    """Seconds that the only key of a kind will live."""
    client: Any = RedisStore(url, timeout=3)._client
    [key] = client.keys(prefix + b"*")
    left: int = client.ttl(key)
    return left
