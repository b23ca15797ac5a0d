"""Times that are each possible, and together are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.settings.problems import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings.sections import Settings


def faults(settings: Settings) -> Iterator[Fault]:
    """Find settings under which a part would be given up while it does as it is told."""
    daemon, redis, broker = settings.daemon, settings.redis, settings.broker
    if 2 * daemon.batch_seconds > daemon.score_timeout:
        yield Fault(
            ("daemon", "batch_seconds"),
            f"a batch may take {daemon.batch_seconds:g} s, and its request is given up after "
            f"score_timeout, {daemon.score_timeout:g} s",
            "set it to half of score_timeout at most",
        )
    if redis.timeout >= broker.heartbeat:
        yield Fault(
            ("redis", "timeout"),
            f"a look-up may take {redis.timeout:g} s, and RabbitMQ expects a heartbeat every "
            f"{broker.heartbeat} s meanwhile",
            "set it below broker.heartbeat",
        )
