"""Times that are each possible, and together are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings.sections import Settings

_CONSUMER_TIMEOUT = 1800
"""Seconds after which RabbitMQ takes back what is not acknowledged, unless it is told otherwise."""


def problems(settings: Settings) -> Iterator[Problem]:
    """Find settings under which a part would be given up while it does as it is told."""
    daemon, redis, broker = settings.daemon, settings.redis, settings.broker
    if 2 * daemon.batch_seconds > daemon.score_timeout:
        yield Problem(
            ("daemon", "batch_seconds"),
            f"a batch may take {daemon.batch_seconds:g} s, and its request is given up after "
            f"score_timeout, {daemon.score_timeout:g} s",
            "set it to half of score_timeout at most",
        )
    if redis.timeout >= broker.heartbeat:
        yield Problem(
            ("redis", "timeout"),
            f"a look-up may take {redis.timeout:g} s, and RabbitMQ expects a heartbeat every "
            f"{broker.heartbeat} s meanwhile",
            "set it below broker.heartbeat",
        )


def warnings(settings: Settings) -> Iterator[Problem]:
    """Find settings under which RabbitMQ takes deliveries back before the daemon does."""
    daemon = settings.daemon
    longest = max(daemon.hold_seconds, daemon.score_timeout)
    if longest > _CONSUMER_TIMEOUT / 2:
        yield Problem(
            ("daemon", "hold_seconds" if longest == daemon.hold_seconds else "score_timeout"),
            f"a delivery may be held for {longest:g} s and longer; RabbitMQ takes all of them back "
            f"after its `consumer_timeout`, {_CONSUMER_TIMEOUT} s by default, and counts each",
            f"set it below {_CONSUMER_TIMEOUT // 2}, or raise consumer_timeout in rabbitmq.conf",
            "warning",
        )
