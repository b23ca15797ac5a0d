"""Why a connector does not consume, and what is to be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.pipeline.outgoing import Ping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.ports import Edges
    from daemon.pipeline.breaker import Breaker
    from daemon.pipeline.destinations import Destination
    from daemon.pipeline.publisher import Publisher
    from daemon.pipeline.scorer import Scorer
    from daemon.pipeline.work import Item

NO_WORKER = "no-worker"
REFUSED_PUBLISH = "publish-refused"
ALARM = "broker-alarm"
BAD_MESSAGES = "bad-messages"
BAD_SCORES = "bad-scores"
REFUSED_CONSUMER = "consume-refused"
STANDBY = "standby"
"""Another daemon reads the stream: no fault, and not shown as one."""
FROM_OUTSIDE = {NO_WORKER, REFUSED_PUBLISH, ALARM, REFUSED_CONSUMER}
"""Reasons that do not lie in the messages."""
FIRST_TRIAL = 15.0
"""Seconds until a message is tried, where messages or scores are bad."""
FIXES = {
    NO_WORKER: "start a worker that serves every model of the connector: "
    "`systemctl start tonebus-worker@1`, or `tonebus worker`; where one is connected, "
    "`workers_silent` or `reply_refused` in the log says what is wrong with it",
    REFUSED_PUBLISH: "see `publish_refused` in the log for the exchange and what to repair",
    ALARM: "RabbitMQ is short of memory or disk space: free some",
    BAD_MESSAGES: "most of its messages are parked: see `detail` of message_parked, repair the "
    "connector, then replay sentiment.parked",
    BAD_SCORES: "the model fails on most texts: see `text_given_up`, repair the model or its "
    "worker, then replay sentiment.parked",
    REFUSED_CONSUMER: "RabbitMQ refuses a consumer, or ends the connection over it: check the "
    "queue, its leader and the right to read it",
}
ENDED = {
    "timeout": "RabbitMQ waited too long for an acknowledgement: raise its consumer_timeout, or "
    "lower daemon.hold_seconds",
    "deleted": "its queue was deleted: one of Tonebus's own is declared again, one that `queue` "
    "names is awaited",
    "moved": "its queue has moved to another node; nothing to do",
    "closed": "see `detail`: RabbitMQ names what it refuses",
}


@dataclass(slots=True)
class Pause:
    """Why a connector does not consume, and until when.

    Attributes:
        since: Monotonic seconds.
        until: Monotonic seconds of the next trial; infinite where the cause itself is watched.
        destination: What refuses its messages.
        models: Those that no worker serves.
        ping: What is published to see whether the alarm is over.
        stopped: Whether its deliveries were given back.
    """

    reason: str
    since: float = 0.0
    until: float = float("inf")
    destination: Destination | None = None
    models: Sequence[str] = ()
    ping: Ping | None = None
    stopped: bool = True


@dataclass(slots=True)
class ConnectorState:
    """How one connector stands.

    Attributes:
        breakers: Its own, for messages that cannot be mapped, then those of its models.
        delay: Seconds until the next trial, should the present one fail.
        prefetch: Deliveries that it may hold; 0 takes the setting.
        trial: Whether it consumes one message, to see whether messages are still bad.
        grow: Whether a trial went well.
        slow_at: When a delivery last waited for long; monotonic seconds.
    """

    models: Sequence[str]
    breakers: Sequence[Breaker]
    delay: float = FIRST_TRIAL
    prefetch: int = 0
    pause: Pause | None = None
    trial: bool = False
    grow: bool = False
    slow_at: float = float("-inf")

    @property
    def tripped(self) -> bool:
        """Whether too many of its last messages, or of a model's texts, were parked."""
        return any(each.tripped for each in self.breakers)


class Causes:
    """What keeps a connector's deliveries from going on, and whether it still does."""

    def __init__(self, edges: Edges, scorer: Scorer[Item], publisher: Publisher) -> None:
        self._edges = edges
        self._scorer = scorer
        self._publisher = publisher

    def find(self, connector: str, models: Sequence[str]) -> Pause | None:
        """Return the reason for which a connector should pause; None where none is known."""
        if self._edges.blocked:
            return Pause(ALARM)
        if destination := self._publisher.refused_to(connector):
            return Pause(REFUSED_PUBLISH, destination=destination)
        if alone := [model for model in models if not self._scorer.workers(model)]:
            return Pause(NO_WORKER, models=alone)
        return None

    def is_over(self, pause: Pause, models: Sequence[str]) -> bool:
        """Whether it is time for a trial, or the reason is seen to be gone without a delivery."""
        if self._scorer.clock() >= pause.until:
            return True
        if pause.reason == NO_WORKER:
            return all(map(self._scorer.workers, models))
        if pause.reason == REFUSED_PUBLISH:
            return pause.destination not in self._publisher.refused
        if pause.reason != ALARM or self._edges.blocked:
            return False
        # a new connection is not blocked until it publishes
        if pause.ping is None:
            pause.ping = Ping()
            self._publisher.put(pause.ping)
        return pause.ping.safe
