"""Where messages go, and the state of a destination that refuses them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from connectors.ports import Fate

if TYPE_CHECKING:
    from daemon.pipeline.outgoing import Pending

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
UNCONFIRMED = "unconfirmed"
FIXES = {
    Fate.REFUSED.value: "a queue behind the exchange is full or failing: empty or repair it",
    Fate.UNROUTED.value: "bind a queue for this key, or give the exchange an alternate exchange",
    Fate.FORBIDDEN.value: "declare the exchange, or grant its user the right to write",
    UNCONFIRMED: "a queue behind the exchange has no majority or no disk: see the broker's log",
}


class Destination(NamedTuple):
    """Where a message goes; without a routing key, a whole exchange."""

    exchange: str
    routing_key: str | None = None

    def __str__(self) -> str:
        key = "" if self.routing_key is None else f" with key {self.routing_key!r}"
        return f"exchange {self.exchange!r}{key}"


@dataclass(slots=True, eq=False)
class Refusal:
    """A destination that refuses messages at present.

    Attributes:
        since: Monotonic seconds of the first refusal.
        waiting: Messages held for it; the first is the next probe.
        probe: The message sent to find out; None between two probes.
    """

    reason: str
    since: float
    probe_at: float
    pause: float = FIRST_PAUSE
    waiting: deque[Pending] = field(default_factory=deque)
    probe: Pending | None = None
