"""Where entries are kept: Redis. Any failure of it is a miss."""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import redis
import structlog

from connectors.cache.address import client
from connectors.tls import SYSTEM_TRUST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from redis.client import Pipeline

    from connectors.tls import Tls

_NAMESPACE = b"tonebus:"
_INDEX_SECONDS = 24 * 3600
"""An index lists what has expired for so much longer at most: no two clocks differ by that."""
_log = structlog.get_logger(__name__)

Entry = tuple[bytes, bytes, int]
"""Key, value, and the seconds for which they are kept."""


class Store(Protocol):
    """Something that keeps bytes for a while."""

    def exchange(self, reads: Sequence[bytes], writes: Sequence[Entry]) -> list[bytes | None]:
        """Write and read in one go; None for what is not there, or cannot be had now."""
        ...

    def post(self, index: bytes, writes: Sequence[Entry]) -> None:
        """Write, and have `gather` find what was written until it expires."""
        ...

    def gather(self, index: bytes) -> dict[bytes, bytes]:
        """Read all that was posted under an index and has not expired; nothing on a failure."""
        ...


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
        tls: Tls = SYSTEM_TRUST,
        deployment: str = "",
        rest: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Prepare the client; connect nothing yet. After a failure Redis is left alone to `rest`.

        Raises:
            WrongUrl: The URL is not one of Redis.
        """
        self._client = client(url, timeout=timeout, tls=tls)
        self._namespace = namespace(deployment)
        self._rest = rest
        self._clock = clock
        self._wall = wall
        self._closed_until = 0.0
        self._read_only_until = 0.0
        self.fault = ""

    def exchange(self, reads: Sequence[bytes], writes: Sequence[Entry]) -> list[bytes | None]:
        nothing: list[bytes | None] = [None] * len(reads)
        if self._clock() < self._read_only_until:
            writes = ()
        if not (reads or writes):
            return nothing

        def fill(pipe: Pipeline) -> None:
            self._write(pipe, writes)
            if reads:
                pipe.mget([self._namespace + key for key in reads])

        answers = self._attempt(fill, writing=bool(writes))
        values = answers[-1] if answers and reads else nothing
        return nothing if isinstance(values, Exception) else values

    def post(self, index: bytes, writes: Sequence[Entry]) -> None:
        """Write, and list the keys with the time at which each expires."""
        listed, now = self._namespace + index, self._wall()

        def fill(pipe: Pipeline) -> None:
            self._write(pipe, writes)
            pipe.zadd(listed, {key: now + ttl for key, _, ttl in writes})
            # a reader strikes out sooner what it finds expired, but there may be no reader
            pipe.zremrangebyscore(listed, "-inf", now - _INDEX_SECONDS)
            pipe.expire(listed, _INDEX_SECONDS)

        if self._clock() >= self._read_only_until:
            self._attempt(fill, writing=True)

    def gather(self, index: bytes) -> dict[bytes, bytes]:
        """Read all that the index lists, and strike out what has expired."""
        listed = self._namespace + index
        found = self._attempt(lambda pipe: pipe.zrange(listed, 0, -1), writing=False)
        keys = sorted(found[0]) if found and isinstance(found[0], list) else []
        whole = [self._namespace + key for key in keys]
        answers = self._attempt(lambda pipe: pipe.mget(whole), writing=False) if keys else []
        values = answers[0] if answers else None
        # what cannot be read now has not expired for that
        if not isinstance(values, list):
            return {}
        if expired := [key for key, value in zip(keys, values, strict=True) if value is None]:
            self._attempt(lambda pipe: pipe.zrem(listed, *expired), writing=True)
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

    def _write(self, pipe: Pipeline, writes: Sequence[Entry]) -> None:
        for key, value, ttl in writes:
            # as `pipe.set` would, in an eighth of its time
            pipe.execute_command("SET", self._namespace + key, value, "EX", ttl)  # type: ignore[no-untyped-call]  # redis

    def close(self) -> None:
        """Close the connections; a later use opens one again."""
        self._client.close()

    def _note(self, error: Exception | None) -> None:
        before, self.fault = self.fault, type(error).__name__ if error else ""
        if self.fault and self.fault != before:
            _log.warning("redis_failed", error=self.fault)
        elif before and not self.fault:
            _log.info("redis_recovered", error=before)


def namespace(deployment: str) -> bytes:
    """Return what every key of a deployment begins with: `tonebus:`, and a digest of its name."""
    digest = blake2b(deployment.encode(), digest_size=8).hexdigest() if deployment else ""
    return _NAMESPACE + (f"{digest}:".encode() if digest else b"")
