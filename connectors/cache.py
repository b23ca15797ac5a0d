"""Redis: scores and published-marks, many at a time. Any fault of it is a miss."""

from __future__ import annotations

import hmac
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import redis
import structlog

from connectors.events import Score

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.client import Pipeline

    from connectors.events import Model

_PREFIX = b"tonebus:"
_KEY_BYTES = 20
_CHECK_BYTES = 8
_INDEX_SECONDS = 24 * 3600
_encode = msgspec.msgpack.Encoder().encode
_decode_score = msgspec.msgpack.Decoder(Score).decode
_log = structlog.get_logger(__name__)


class Store(Protocol):
    """Something that keeps bytes for a while."""

    def exchange(
        self, reads: Sequence[bytes], writes: Sequence[tuple[bytes, bytes, int]]
    ) -> list[bytes | None]:
        """Write and read in one go; None for what is not there, or cannot be had now."""
        ...

    def post(self, index: bytes, writes: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Write, and have `gather` find what was written for as long as it lives."""
        ...

    def gather(self, index: bytes) -> dict[bytes, bytes]:
        """Read all that was posted under an index and lives; nothing where it cannot be had."""
        ...


class Cache:
    """Scores and marks over a store; a value that does not check is a miss.

    Keys are keyed digests, so that nobody who reads the store can read texts or ids out of it.
    """

    def __init__(self, store: Store, *, secret: str, score_ttl: int, mark_ttl: int) -> None:
        """Take the store and the terms.

        Args:
            store: Where entries live.
            secret: Key of the digests; without one a fixed key serves, and whoever reads the store
                can test whether a given text was seen.
            score_ttl: Seconds that a score lives.
            mark_ttl: Seconds that a mark lives.
        """
        self._store = store
        self._secret = secret.encode() or b"tonebus"
        self._score_ttl = score_ttl
        self._mark_ttl = mark_ttl
        self._writes: list[tuple[bytes, bytes, int]] = []

    def score_key(self, model: Model, preprocessing: str, text: str) -> bytes:
        """Return the key of a text's score under one revision of a model."""
        message = f"{model.revision}\0{preprocessing}\0{text}".encode()
        return _PREFIX + b"s:" + self._digest(message)

    def mark_key(self, event_id: str) -> bytes:
        """Return the key of the mark that an event was published."""
        return _PREFIX + b"m:" + self._digest(event_id.encode())

    def _digest(self, message: bytes) -> bytes:
        return hmac.digest(self._secret, message, "sha256")[:_KEY_BYTES]

    def remember_score(self, key: bytes, score: Score) -> None:
        """Keep a score, from the next look-up on."""
        self._writes.append((key, _seal(key, _encode(score)), self._score_ttl))

    def remember_mark(self, key: bytes) -> None:
        """Keep the mark that an event was published, from the next look-up on."""
        self._writes.append((key, _seal(key, b""), self._mark_ttl))

    @property
    def pending(self) -> bool:
        """Whether something is to be kept that no look-up has taken along yet."""
        return bool(self._writes)

    def look_up(
        self, scores: Sequence[bytes], marks: Sequence[bytes] = ()
    ) -> tuple[list[Score | None], list[bool]]:
        """Fetch scores and marks, and keep what is to be remembered: one round trip in all."""
        writes, self._writes = self._writes, []
        values = self._store.exchange([*scores, *marks], writes)
        middle = len(scores)
        return (
            [_open_score(*pair) for pair in zip(scores, values[:middle], strict=True)],
            [_unseal(*pair) == b"" for pair in zip(marks, values[middle:], strict=True)],
        )


class RedisStore:
    """Redis behind a timeout and a circuit breaker: when it fails, it is left alone for a while.

    Attributes:
        fault: Why it is not used at present; empty while all is well.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        rest: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the client; connect nothing yet.

        Args:
            url: Where Redis listens.
            timeout: Seconds for one round trip.
            rest: Seconds for which it is left alone after a failure.
            clock: Monotonic seconds.
        """
        self._client = redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=None
        )
        self._rest = rest
        self._clock = clock
        self._closed_until = 0.0
        self._read_only_until = 0.0
        self.fault = ""

    def exchange(
        self, reads: Sequence[bytes], writes: Sequence[tuple[bytes, bytes, int]]
    ) -> list[bytes | None]:
        """Write and read in one round trip."""
        nothing: list[bytes | None] = [None] * len(reads)
        if self._clock() < self._read_only_until:
            writes = ()
        if not (reads or writes):
            return nothing

        def fill(pipe: Pipeline) -> None:
            _write(pipe, writes)
            if reads:
                pipe.mget(reads)

        answers = self._attempt(fill, writing=bool(writes))
        values = answers[-1] if answers and reads else nothing
        return nothing if isinstance(values, Exception) else values

    def post(self, index: bytes, writes: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Write, and list the keys in a set that outlives them."""

        def fill(pipe: Pipeline) -> None:
            _write(pipe, writes)
            pipe.sadd(index, *(key for key, _, _ in writes))
            pipe.expire(index, _INDEX_SECONDS)

        if self._clock() >= self._read_only_until:
            self._attempt(fill, writing=True)

    def gather(self, index: bytes) -> dict[bytes, bytes]:
        """Read all that the set lists, and strike out what has faded."""
        found = self._attempt(lambda pipe: pipe.smembers(index), writing=False)
        keys = sorted(found[0]) if found and isinstance(found[0], set) else []
        answers = self._attempt(lambda pipe: pipe.mget(keys), writing=False) if keys else []
        values = answers[0] if answers else None
        # what cannot be read now has not faded for that
        if not isinstance(values, list):
            return {}
        if faded := [key for key, value in zip(keys, values, strict=True) if value is None]:
            self._attempt(lambda pipe: pipe.srem(index, *faded), writing=True)
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    def _attempt(self, fill: Callable[[Pipeline], object], *, writing: bool) -> list[Any]:
        """Make one round trip; return no answers while Redis is left alone, or when it fails."""
        now = self._clock()
        if now < self._closed_until:
            return []
        pipe = self._client.pipeline(transaction=False)
        fill(pipe)
        try:
            answers = pipe.execute(raise_on_error=False)
        except (redis.RedisError, OSError) as error:
            self._closed_until = self._clock() + self._rest
            self._note(error)
            return []
        refused = next((each for each in answers if isinstance(each, Exception)), None)
        if refused:
            # full, or a replica: what is in it can still be read
            self._read_only_until = now + self._rest
        if writing or now >= self._read_only_until:
            self._note(refused)
        return answers

    def ping(self) -> bool:
        """Try it now, whatever happened before."""
        try:
            self._client.ping()
        except (redis.RedisError, OSError):
            return False
        return True

    def _note(self, error: Exception | None) -> None:
        fault = type(error).__name__ if error else ""
        if fault != self.fault:
            log = _log.warning if fault else _log.info
            log("redis_failed" if fault else "redis_recovered", error=fault or self.fault)
        self.fault = fault


def _write(pipe: Pipeline, writes: Sequence[tuple[bytes, bytes, int]]) -> None:
    for key, value, ttl in writes:
        # as `pipe.set` would, in an eighth of its time
        pipe.execute_command("SET", key, value, "EX", ttl)  # type: ignore[no-untyped-call]  # redis


def _seal(key: bytes, payload: bytes) -> bytes:
    return _check(key, payload) + payload


def _unseal(key: bytes, value: bytes | None) -> bytes | None:
    if value is None:
        return None
    check, payload = value[:_CHECK_BYTES], value[_CHECK_BYTES:]
    return payload if hmac.compare_digest(check, _check(key, payload)) else None


def _open_score(key: bytes, value: bytes | None) -> Score | None:
    payload = _unseal(key, value)
    if payload is None:
        return None
    try:
        return _decode_score(payload)
    except msgspec.MsgspecError:
        return None


def _check(key: bytes, payload: bytes) -> bytes:
    return blake2b(payload, key=key[:64], digest_size=_CHECK_BYTES).digest()
