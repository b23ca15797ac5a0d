"""What became of messages, as metrics count it and as the breakers judge it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from connectors.mapping import written
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.delivery import Delivery
    from connectors.mapping import Mapped
    from connectors.messages import Utterance
    from daemon.pipeline.breaker import Breaker
    from daemon.pipeline.outgoing import PendingCopy, PendingEvent
    from daemon.telemetry.registry import Meter


class Tally:
    """Counts for one daemon; decides nothing.

    Attributes:
        mapping: The breaker of each connector, for what cannot be mapped.
        scoring: The breaker of each model, for what cannot be scored.
    """

    def __init__(
        self, meter: Meter, *, mapping: Mapping[str, Breaker], scoring: Mapping[str, Breaker]
    ) -> None:
        """Count into a meter, and into the breakers."""
        self._meter = meter
        self._latency = meter.histogram(metrics.LATENCY)
        self._ages = meter.histogram(metrics.AGE)
        self.mapping = mapping
        self.scoring = scoring

    def delivered(self, delivery: Delivery) -> None:
        """A message is taken up."""
        self._meter.count(metrics.DELIVERIES, delivery.connector)

    def skipped(self, delivery: Delivery, reason: str) -> None:
        """A message asks for no event."""
        self._meter.count(metrics.SKIPPED, delivery.connector, reason)

    def mapped(self, delivery: Delivery, mapped: Mapped) -> None:
        """The texts of a message are found."""
        self._meter.cleaned(delivery.connector, mapped.utterances)

    def unmapped(self, delivery: Delivery) -> None:
        """Nothing in a message can be read."""
        self.mapping[delivery.connector].note(parked=True)

    def given_up(self, model: str) -> None:
        """A message has a text that cannot be scored."""
        self.scoring[model].note(parked=True)

    def cached(self, delivery: Delivery) -> None:
        """A score was known already."""
        self._meter.count(metrics.CACHED, delivery.connector)

    def duplicate(self, delivery: Delivery) -> None:
        """A text's event was published before."""
        self._meter.count(metrics.DUPLICATES, delivery.connector)

    def replied(self, delivery: Delivery) -> None:
        """A caller was answered."""
        self._meter.count(metrics.REPLIES, delivery.connector)

    def published(self, pending: PendingEvent) -> None:
        """An event is safe."""
        item = pending.item
        connector = item.delivery.connector
        self._meter.count(metrics.EVENTS, connector, pending.tone)
        self.mapping[connector].note(parked=False)
        if not pending.cached:
            self.scoring[item.lane.model].note(parked=False)
        self._observe(item.delivery, item.utterance)

    def parked(self, pending: PendingCopy) -> None:
        """A parked copy is safe."""
        delivery = pending.settlement.delivery
        self._meter.count(metrics.PARKED, delivery.connector, pending.reason.code)
        self._observe(delivery)

    def _observe(self, delivery: Delivery, text: Utterance | None = None) -> None:
        self._latency.observe(delivery.age)
        if (sent := written(text, delivery)) is not None:
            self._ages.observe(max(0.0, time.time() - sent))
