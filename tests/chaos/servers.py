"""RabbitMQ and Redis of the chaos run's own, which it may kill, stop and starve."""

from __future__ import annotations

import contextlib
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.own.rabbitmq import OwnRabbit
from tests.own.redis import OwnRedis
from tests.servers import ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextmanager
def own_servers(
    directory: Path, *, config: str = "", erlang: str = "", policies: Sequence[dict[str, Any]] = ()
) -> Iterator[tuple[OwnRabbit, OwnRedis]]:
    """Both servers, gone with their data when the block ends.

    Args:
        directory: Where they keep it.
        config: More lines of rabbitmq.conf.
        erlang: More arguments of RabbitMQ's Erlang.
        policies: Of each new virtual host.

    Raises:
        ServerMissingError: One is not installed, or does not start.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        broker = OwnRabbit(directory / "rabbitmq", config=config, erlang=erlang, policies=policies)
        stack.callback(broker.close)
        redis = OwnRedis(directory / "redis")
        stack.callback(redis.close)
        broker.launch()
        redis.start()
        broker.wait()
        yield broker, redis


@contextmanager
def servers_or_skip() -> Iterator[None]:
    """Skip a test where RabbitMQ or Redis is not installed; fail it in CI."""
    try:
        yield
    except ServerMissingError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
