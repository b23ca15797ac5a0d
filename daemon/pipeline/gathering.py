"""How long a loop sleeps before its next turn, and what the workers said meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.ports import Edges
    from connectors.scoring.protocol import Reply
    from daemon.pipeline.scorer import Scorer

_LINGER_SECONDS = 0.005
"""Short beside a forward, long beside the time between two messages of a busy bus."""


def gather(
    edges: Edges, scorer: Scorer[Any], patience: float, linger: float = _LINGER_SECONDS
) -> list[Reply]:
    """Sleep until something arrives, and longer while every worker is busy and none replies.

    What arrives then can only wait, and a turn for many messages costs all of us, RabbitMQ too,
    less than a turn for each.

    Args:
        edges: The bus.
        scorer: Knows which workers are busy.
        patience: Seconds to sleep at most until something arrives.
        linger: Seconds to collect more.

    Raises:
        Unavailable: The bus is lost.
    """
    edges.wait(patience)
    replies = edges.scoring.replies()
    until = time.monotonic() + linger
    while scorer.saturated and not replies and (left := until - time.monotonic()) > 0:
        edges.wait(left)
        replies = edges.scoring.replies()
    return replies
