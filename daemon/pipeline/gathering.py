"""How long a loop sleeps before its next turn, and the replies that arrive meanwhile."""

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

    What arrives then could only wait, and one turn for many messages costs the daemon and RabbitMQ
    less than a turn for each. Sleeps `patience` seconds at most for the first, `linger` for more.

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
