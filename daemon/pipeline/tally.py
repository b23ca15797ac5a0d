"""What became of messages, as metrics count it and as the breakers judge it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from connectors.mapping import written
from connectors.text import is_blank
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.delivery import Delivery
    from connectors.mapping import Mapped
    from connectors.messages import Text
    from daemon.pipeline.breaker import Breaker
    from daemon.pipeline.outgoing import PendingCopy, PendingEvent
    from daemon.telemetry.metrics import Metric
    from daemon.telemetry.registry import Registry


class Tally:
    """Counts for one daemon; decides nothing.

    Attributes:
        mapping: The breaker of each connector, for what cannot be mapped.
        scoring: The breaker of each model, for what cannot be scored.
    """

    def __init__(
        self, registry: Registry, *, mapping: Mapping[str, Breaker], scoring: Mapping[str, Breaker]
    ) -> None:
        self._registry = registry
        self._latency = registry.histogram(metrics.LATENCY)
        self._ages = registry.histogram(metrics.AGE)
        self.mapping = mapping
        self.scoring = scoring

    def count(self, metric: Metric, delivery: Delivery, *labels: str) -> None:
        """Count something of a message; the first label is its connector."""
        self._registry.count(metric, delivery.connector, *labels)

    def mapped(self, delivery: Delivery, mapped: Mapped) -> None:
        """The texts of a message are found: count what cleaning removed of them."""
        for text in mapped.texts:
            for part, characters in text.removed.items():
                self._registry.count(metrics.REMOVED, delivery.connector, part, by=characters)
            if text.removed and is_blank(text.content):
                self._registry.count(metrics.EMPTIED, delivery.connector)

    def unmapped(self, delivery: Delivery) -> None:
        """Nothing in a message can be read."""
        self.mapping[delivery.connector].record(parked=True)

    def given_up(self, model: str) -> None:
        """A message has a text that cannot be scored."""
        self.scoring[model].record(parked=True)

    def published(self, pending: PendingEvent) -> None:
        item = pending.item
        connector = item.delivery.connector
        self._registry.count(metrics.EVENTS, connector, pending.tone)
        read = "yes" if item.choice.read else "no"
        self._registry.count(metrics.LANGUAGES, connector, item.choice.language.group, read)
        for model, said in item.further.tones.items():
            if said.reason:
                self._registry.count(metrics.FURTHER_MISSED, connector, model, said.reason)
            else:
                self._registry.count(metrics.FURTHER, connector, model, said.tone)
        self.mapping[connector].record(parked=False)
        if item.choice.read and not pending.cached:
            self.scoring[item.choice.model.name].record(parked=False)
        self._observe(item.delivery, item.text)

    def parked(self, pending: PendingCopy) -> None:
        delivery = pending.settlement.delivery
        self._registry.count(metrics.PARKED, delivery.connector, pending.reason.code)
        self._observe(delivery)

    def _observe(self, delivery: Delivery, text: Text | None = None) -> None:
        self._latency.observe(delivery.age)
        if (sent := written(text, delivery)) is not None:
            self._ages.observe(max(0.0, time.time() - sent))
