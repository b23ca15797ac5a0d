"""Try Redis live: every command that the processes send, and what it reports of itself."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

import redis

from connectors.cache import namespace
from connectors.cache.address import client
from daemon.checks.result import Result
from daemon.process import wiring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings import Settings

_TIMEOUT = 2.0
_SKEW_SECONDS = 2.0
_FULL = 0.9
_KEPT_SECONDS = 10
_LOSS = "nothing is lost without it, but every text is scored again: "
_NOT_PERMITTED = redis.exceptions.NoPermissionError


def examine(settings: Settings) -> Iterator[Result]:
    """Run every check; what a restricted user may not ask is left out."""
    found = client(settings.redis.url, timeout=_TIMEOUT, tls=settings.redis.tls)
    try:
        begun = time.monotonic()
        found.ping()
        took = time.monotonic() - begun
        refusals = _refusals(found, wiring.deployment(settings))
    except (redis.RedisError, OSError) as error:
        advice = "is it running, and is [redis] url right, with its password and its certificates?"
        yield Result("redis", "failure", f"{type(error).__name__}: {error}"[:200], _LOSS + advice)
        return
    if refusals:
        yield _refused(refusals)
        return
    yield _answered(settings, _version(found), took)
    yield from _memory(found)
    yield _clock(found)
    deployment = wiring.deployment(settings)
    yield Result(
        "deployment", "ok", f"{deployment}: its keys begin with {namespace(deployment).decode()}"
    )
    if not settings.redis.secret:
        yield Result(
            "redis secret", "warning",
            "not set: anyone who reads Redis can test for a given text, and anyone who writes it "
            "can forge a mark, so that a message is acknowledged without its event",
            "set TONEBUS_REDIS_SECRET to a random string, the same for every process",
        )  # fmt: skip


def _refusals(found: redis.Redis, deployment: str) -> dict[str, Exception]:
    """Send each command as the store does, on keys that expire; return those that are refused."""
    prefix = namespace(deployment) + f"doctor:{uuid.uuid4().hex}".encode()
    # of one server they are one round trip, of a cluster they are not on one server
    one, other = prefix + b":1", prefix + b":2"
    commands: list[tuple[Any, ...]] = [
        ("SET", one, b"", "EX", _KEPT_SECONDS),
        ("MGET", one, other),
        ("ZADD", other, 0, b"a"),
        ("EXPIRE", other, _KEPT_SECONDS),
        ("ZRANGE", other, 0, -1),
        ("ZREMRANGEBYSCORE", other, "-inf", "-1"),
        ("ZREM", other, b"a"),
    ]
    pipe = found.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # redis
    answers = pipe.execute(raise_on_error=False)
    return {
        command[0]: answer
        for command, answer in zip(commands, answers, strict=True)
        if isinstance(answer, Exception)
    }


def _refused(refusals: dict[str, Exception]) -> Result:
    errors = list(refusals.values())
    if any(_of_a_cluster(error) for error in errors):
        return Result(
            "redis", "failure", "it is a cluster, which is not supported",
            _LOSS + "name a single Redis in [redis] url, or Sentinels: the cache is small",
        )  # fmt: skip
    if any(isinstance(error, _NOT_PERMITTED) for error in errors):
        names = ", ".join(sorted(refusals))
        return Result(
            "redis", "failure", f"the user may not run {names} on our keys",
            _LOSS + "grant what docs/how-to/permissions.md lists under Redis",
        )  # fmt: skip
    command, error = next(iter(refusals.items()))
    return Result(
        "redis", "failure", f"{command} was refused: {error}"[:200],
        _LOSS + "a replica or a full Redis takes nothing: name the primary, or give it memory",
    )  # fmt: skip


def _of_a_cluster(error: Exception) -> bool:
    kinds = (
        redis.exceptions.ClusterDownError, redis.exceptions.ClusterCrossSlotError,
        redis.exceptions.MovedError, redis.exceptions.AskError,
    )  # fmt: skip
    return isinstance(error, kinds) or "CROSSSLOT" in str(error)


def _answered(settings: Settings, version: str, took: float) -> Result:
    if took > settings.redis.timeout:
        return Result(
            "redis", "warning",
            f"{version}, a round trip took {took:.3f} s, over redis.timeout "
            f"{settings.redis.timeout:g}",
            _LOSS + "bring it nearer, or raise redis.timeout",
        )  # fmt: skip
    return Result("redis", "ok", f"{version}, a round trip takes {took * 1000:.1f} ms")


def _version(found: redis.Redis) -> str:
    try:
        server = found.info("server")
    except _NOT_PERMITTED:
        return "version unknown (the user may not run INFO)"
    if "valkey_version" in server:
        return f"Valkey {server['valkey_version']}"
    return f"version {server.get('redis_version', '?')}"


def _memory(found: redis.Redis) -> Iterator[Result]:
    try:
        memory = found.info("memory")
    except _NOT_PERMITTED:
        return
    limit, used = memory.get("maxmemory", 0), memory.get("used_memory", 0)
    if limit and used > _FULL * limit and memory.get("maxmemory_policy") == "noeviction":
        yield Result(
            "redis memory", "warning", f"{used} of {limit} bytes, and nothing is evicted",
            "set maxmemory-policy allkeys-lru: losing entries is harmless",
        )  # fmt: skip


def _clock(found: redis.Redis) -> Result:
    try:
        seconds, micros = found.time()
    except _NOT_PERMITTED:
        return Result("clock", "ok", "not compared: the user may not run TIME")
    skew = seconds + micros / 1e6 - time.time()
    if abs(skew) > _SKEW_SECONDS:
        return Result(
            "clock", "warning", f"{skew:+.1f} s from Redis's clock: events carry a wrong time",
            "let NTP set the clocks of both hosts",
        )  # fmt: skip
    return Result("clock", "ok", f"{abs(skew):.1f} s from Redis's clock")
