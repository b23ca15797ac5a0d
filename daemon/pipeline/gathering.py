"""How long a loop sleeps before its next turn, and what the workers said meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.ports import Edges
    from connectors.scoring.protocol import Answer
    from daemon.pipeline.scorer import Labeller

_LINGER_SECONDS = 0.005
"""Short beside a forward, long beside the time between two messages of a busy bus."""


def gather(
    edges: Edges, labeller: Labeller[Any], patience: float, linger: float = _LINGER_SECONDS
) -> list[Answer]:
    """Sleep until something arrives, and longer while every worker is busy and none answers.

    What arrives then can only wait, and a turn for many messages costs all of us, RabbitMQ too,
    less than a turn for each.

    Args:
        edges: The bus.
        labeller: Knows which workers are busy.
        patience: Seconds to sleep at most until something arrives.
        linger: Seconds to collect more.

    Raises:
        Unavailable: The bus is lost.
    """
    edges.wait(patience)
    answers = edges.scoring.answers()
    until = time.monotonic() + linger
    while labeller.saturated and not answers and (left := until - time.monotonic()) > 0:
        edges.wait(left)
        answers = edges.scoring.answers()
    return answers
