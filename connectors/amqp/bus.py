"""The bus for real: one connection to RabbitMQ with channels for each direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from connectors.amqp import presence, topology
from connectors.amqp.connection import Refused
from connectors.amqp.publisher import Sink
from connectors.amqp.source import Source
from connectors.amqp.wakeup import Wakeup
from connectors.errors import Misconfigured
from connectors.scoring.client import Scoring

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.amqp.connection import Broker
    from connectors.amqp.subscription import Subscription
    from connectors.ports import Backlog

_MAX_BODY_BYTES = 1024 * 1024
_log = structlog.get_logger(__name__)


def declared(
    subscriptions: Sequence[Subscription], models: Sequence[str]
) -> list[topology.Topology]:
    """Return all that a process with these subscriptions and models relies on at the broker."""
    parts = [topology.scoring(models)]
    if subscriptions:
        parts.append(topology.results(each.output for each in subscriptions))
    return parts + [each.topology for each in subscriptions]


class Rabbit:
    """`Edges` over one RabbitMQ connection, `broker`."""

    source: Source
    sink: Sink[Any]
    scoring: Scoring

    def __init__(
        self, broker: Broker, *, models: Sequence[str],
        subscriptions: Sequence[Subscription] = (), prefetch: int = 1,
        max_body_bytes: int = _MAX_BODY_BYTES, manage: bool = True,
        source: Callable[..., Source] = Source,
    ) -> None:  # fmt: skip
        """Prepare; connect nothing yet.

        Args:
            broker: Where to connect.
            models: Models whose workers may be asked.
            subscriptions: What can be consumed; none for a process that only asks.
            prefetch: Unsettled deliveries for each subscription.
            max_body_bytes: Bytes that are held for each of them.
            manage: Whether to declare what is relied on, or only to find it in place.
            source: Makes the source of each connection; arguments are those of `Source`.
        """
        self.broker = broker
        self.wakeup = Wakeup()
        self._models = models
        self._subscriptions = {each.connector: each for each in subscriptions}
        self._prefetch = prefetch
        self._source = source
        self._max_body_bytes = max_body_bytes
        self._opened = False
        self._manage = manage
        self._prepare = topology.apply if manage else topology.verify

    @property
    def blocked(self) -> bool:
        return self.broker.blocked

    def open(self) -> None:
        """Connect and declare: one attempt.

        Raises:
            Unavailable: No broker answers, or it refuses us.
            Misconfigured: Something is declared otherwise, or may not be declared.
        """
        self.broker.connect()
        # one connector whose queue is wrong must not stop the others once they have worked
        subscriptions = list(self._subscriptions.values())
        parts = declared(subscriptions, self._models)
        self._prepare(
            self.broker,
            *(parts[: -len(subscriptions)] if self._opened and subscriptions else parts),
        )
        self._opened = True
        outputs = {each.output for each in subscriptions}
        self.sink = Sink(self.broker, {"", topology.PARKED, *outputs} if outputs else ())
        self.scoring = Scoring(self.broker)
        self.source = self._source(
            self.broker,
            self._subscriptions,
            prefetch=self._prefetch,
            max_body_bytes=self._max_body_bytes,
            declare=self._declare,
            dead_letters=self._manage,
        )

    def redeclare(self) -> None:
        """Declare again what messages leave by, where it is ours to declare."""
        try:
            self._prepare(
                self.broker, *declared(list(self._subscriptions.values()), self._models)[1:2]
            )
        except (Misconfigured, Refused) as error:
            _log.warning("redeclare_refused", error=str(error))

    def wait(self, seconds: float) -> None:
        self.broker.wait(seconds, self.wakeup.fd)
        self.wakeup.clear()

    def backlog(self, queue: str) -> Backlog | None:
        return presence.backlog(self.broker, queue)

    def close(self) -> None:
        self.broker.close()

    def drop(self) -> None:
        self.broker.drop()

    def _declare(self, subscription: Subscription) -> None:
        self._prepare(self.broker, subscription.topology)
