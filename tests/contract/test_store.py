"""What every home of cache entries must do, and what the cache makes of a bad one."""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
import pytest

from connectors.cache import Cache, RedisStore
from connectors.embedded import EmbeddedStore
from connectors.messages import Model, Score
from tests.waiting import until

if TYPE_CHECKING:
    from connectors.cache import Store

MODEL = Model("tiny", "r1")
SCORE = Score({"negative": 0.1, "neutral": 0.2, "positive": 0.7}, tokens=7, truncated=True)
OTHER = Score({"negative": 1.0, "neutral": 0.0, "positive": 0.0}, tokens=3)


class Contract:
    """The promises; the classes below say whose."""

    def test_what_was_written_is_read(self, store: Store) -> None:
        assert store.exchange([], [(b"k", b"v", 60)]) == []
        assert store.exchange([b"k"], []) == [b"v"]

    def test_writes_come_before_the_reads_of_one_exchange(self, store: Store) -> None:
        assert store.exchange([b"k"], [(b"k", b"1", 60), (b"k", b"2", 60)]) == [b"2"]

    def test_what_is_not_there_is_none_at_its_own_place(self, store: Store) -> None:
        store.exchange([], [(b"a", b"1", 60), (b"c", b"3", 60)])
        assert store.exchange([b"a", b"b", b"c", b"a"], []) == [b"1", None, b"3", b"1"]

    def test_any_bytes_survive(self, store: Store) -> None:
        value = bytes(range(256)) * 4
        assert store.exchange([value], [(value, value, 60)]) == [value]

    def test_an_entry_ends_with_its_time(self, store: Store) -> None:
        assert store.exchange([b"k"], [(b"k", b"v", 1), (b"l", b"v", 60)]) == [b"v"]
        until(lambda: store.exchange([b"k"], []) == [None])
        assert store.exchange([b"l"], []) == [b"v"]

    def test_many_at_a_time(self, store: Store) -> None:
        writes = [(b"k%d" % n, b"v%d" % n, 60) for n in range(2000)]
        keys = [key for key, _, _ in writes]
        assert store.exchange(keys, writes) == [value for _, value, _ in writes]

    def test_the_cache_gives_back_scores_and_marks(self, store: Store) -> None:
        cache = cache_over(store)
        score, mark = cache.score_key(MODEL, "none", "good"), cache.mark_key("event-1", MODEL)
        assert cache.look_up([score], [mark]) == ({}, set())
        cache.remember_score(score, SCORE)
        cache.remember_mark(mark)
        assert cache.pending
        assert cache.look_up([score], [mark]) == ({score: SCORE}, {mark})
        assert not cache.pending

    def test_garbage_is_a_miss(self, store: Store) -> None:
        cache = cache_over(store)
        key, mark = cache.score_key(MODEL, "none", "good"), cache.mark_key("event-1", MODEL)
        for garbage in (b"", b"\0", b"garbage" * 9, b"\xff" * 8, b"\xff" * 4000):
            store.exchange([], [(key, garbage, 60), (mark, garbage, 60)])
            assert cache.look_up([key], [mark]) == ({}, set())

    def test_a_value_cut_anywhere_is_a_miss(self, store: Store) -> None:
        cache = cache_over(store)
        key = cache.score_key(MODEL, "none", "good")
        cache.remember_score(key, SCORE)
        cache.look_up([])
        [whole] = store.exchange([key], [])
        assert whole is not None
        for length in range(len(whole)):
            store.exchange([], [(key, whole[:length], 60)])
            assert cache.look_up([key]) == ({}, set())
        store.exchange([], [(key, whole, 60)])
        assert cache.look_up([key]) == ({key: SCORE}, set())

    def test_a_value_with_any_bit_flipped_is_a_miss(self, store: Store) -> None:
        cache = cache_over(store)
        key = cache.score_key(MODEL, "none", "good")
        cache.remember_score(key, SCORE)
        cache.look_up([])
        [whole] = store.exchange([key], [])
        assert whole is not None
        for place in range(len(whole)):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            store.exchange([], [(key, bytes(flipped), 60)])
            assert cache.look_up([key]) == ({}, set())

    def test_a_value_of_another_key_is_a_miss(self, store: Store) -> None:
        cache = cache_over(store)
        good, bad = (cache.score_key(MODEL, "none", text) for text in ("good", "bad"))
        cache.remember_score(good, SCORE)
        cache.remember_score(bad, OTHER)
        cache.remember_mark(cache.mark_key("event-1", MODEL))
        cache.look_up([])
        [of_good] = store.exchange([good], [])
        [a_mark] = store.exchange([cache.mark_key("event-1", MODEL)], [])
        assert of_good is not None
        assert a_mark is not None
        other_mark = cache.mark_key("event-2", MODEL)
        store.exchange([], [(bad, of_good, 60), (other_mark, a_mark, 60)])
        assert cache.look_up([good, bad], [other_mark]) == ({good: SCORE}, set())

    def test_a_mark_is_that_of_one_revision(self, store: Store) -> None:
        cache = cache_over(store)
        older, newer = (cache.mark_key("event-1", Model("tiny", each)) for each in ("r1", "r2"))
        cache.remember_mark(older)
        assert cache.look_up([], [older, newer]) == ({}, {older})

    def test_an_entry_of_another_deployment_is_a_miss_even_under_ones_own_key(
        self, store: Store
    ) -> None:
        copies_are_misses(store, cache_over(store), cache_over(store, deployment="another"))

    def test_an_entry_sealed_with_another_secret_is_a_miss_even_under_ones_own_key(
        self, store: Store
    ) -> None:
        copies_are_misses(store, cache_over(store, secret="one"), cache_over(store, secret="two"))

    def test_nobody_forges_by_the_keys_without_the_secret(self, store: Store) -> None:
        cache = cache_over(store, secret="secret")
        key, mark = cache.score_key(MODEL, "none", "good"), cache.mark_key("event-1", MODEL)
        payload = msgspec.msgpack.encode(SCORE)
        for made in (key, mark, b"tonebus", b""):
            for name, content in ((key, payload), (mark, b"")):
                for size in (8, 16, 20, 32):
                    seals = (
                        blake2b(content, key=made[:64], digest_size=size).digest(),
                        blake2b(name + content, key=made[:64], digest_size=size).digest(),
                        hmac.digest(made, name + content, "sha256")[:size],
                        hmac.digest(made, content, "sha256")[:size],
                    )
                    for seal in seals:
                        store.exchange([], [(name, seal + content, 60)])
                        assert cache.look_up([key], [mark]) == ({}, set())

    def test_a_score_is_no_mark_and_a_mark_no_score(self, store: Store) -> None:
        cache = cache_over(store)
        key, mark = cache.score_key(MODEL, "none", "good"), cache.mark_key("event-1", MODEL)
        cache.remember_score(mark, SCORE)
        cache.remember_mark(key)
        assert cache.look_up([key], [mark]) == ({}, set())


class TestEmbedded(Contract):
    @pytest.fixture
    def store(self) -> Store:
        return EmbeddedStore()


class TestRedis(Contract):
    @pytest.fixture
    def store(self, redis_url: str) -> Store:
        return RedisStore(redis_url, timeout=3)


def cache_over(store: Store, *, secret: str = "", deployment: str = "") -> Cache:
    return Cache(store, secret=secret, score_ttl=60, mark_ttl=60, deployment=deployment)


def copies_are_misses(store: Store, theirs: Cache, ours: Cache) -> None:
    """Write as they do, move it to where we look, and look."""

    def keys(cache: Cache) -> tuple[bytes, bytes]:
        return cache.score_key(MODEL, "none", "good"), cache.mark_key("event-1", MODEL)

    their_keys, our_keys = keys(theirs), keys(ours)
    assert not set(their_keys) & set(our_keys)
    theirs.remember_score(their_keys[0], SCORE)
    theirs.remember_mark(their_keys[1])
    assert theirs.look_up([their_keys[0]], [their_keys[1]]) == (
        {their_keys[0]: SCORE},
        {their_keys[1]},
    )
    found = store.exchange(their_keys, [])
    copies = [(key, value, 60) for key, value in zip(our_keys, found, strict=True) if value]
    assert len(copies) == 2
    store.exchange([], copies)
    assert ours.look_up([our_keys[0]], [our_keys[1]]) == ({}, set())
