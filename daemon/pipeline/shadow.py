"""A second model on live traffic: scored beside the first, compared, never published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from connectors.messages import NO_TONE, Fault
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.cache import Cache
    from connectors.messages import Score
    from connectors.ports import Edges
    from connectors.scoring.protocol import Reply
    from daemon.pipeline.routing import ServedModel
    from daemon.pipeline.scorer import Scorer
    from daemon.pipeline.work import Item
    from daemon.telemetry.registry import Registry

AT_MOST = 1000
"""Texts that wait for shadows at any time."""
MAX_SERIES = 500
"""Pairs of tones that are counted by name; with labels of a model's own there may be thousands."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A text whose tone is known already, and the shadow to compare it with."""

    connector: str
    text: str
    tone: str
    shadow: ServedModel
    key: bytes


class Shadows:
    """Compares tones; nothing waits for it, and nothing is lost with it.

    Where shadows cannot keep up, texts are left out of the comparison, and that is counted.
    """

    def __init__(self, scorer: Scorer[Comparison], cache: Cache, registry: Registry) -> None:
        """Compare nothing yet; the scorer is for the shadows alone."""
        self._scorer = scorer
        self._cache = cache
        self._registry = registry
        self._new: list[Comparison] = []

    def compare(self, item: Item, tone: str) -> None:
        """Have the shadow of an item's connector, if it has one, score the item's text too."""
        shadow = item.route.shadow
        if not shadow or tone == NO_TONE or not shadow.identity.reads(item.choice.language):
            return
        connector, text = item.delivery.connector, item.text.content
        if len(self._new) + self._scorer.waiting >= AT_MOST:
            self._registry.count(metrics.SHADOW_MISSED, connector, shadow.name, "busy")
            return
        key = self._cache.score_key(shadow.identity.model, shadow.identity.preprocessing, text)
        self._new.append(Comparison(connector, text, tone, shadow, key))

    def turn(self, edges: Edges, replies: Sequence[Reply]) -> None:
        self._look_up()
        for outcome in self._scorer.collect(replies):
            for comparison in outcome.request.requesters:
                self._judge(comparison, outcome.result)
        if not edges.blocked:
            self._scorer.ask(edges.scoring)

    def reset(self) -> None:
        self._new.clear()
        self._scorer.reset()

    def _look_up(self) -> None:
        if not self._new:
            return
        scores, _ = self._cache.look_up([comparison.key for comparison in self._new])
        for comparison in self._new:
            if score := scores.get(comparison.key):
                self._judge(comparison, score)
            else:
                model = comparison.shadow.name
                self._scorer.want(model, comparison.key, comparison.text, comparison)
        self._new.clear()

    def _judge(self, comparison: Comparison, result: Score | Fault) -> None:
        connector, model = comparison.connector, comparison.shadow.name
        if isinstance(result, Fault):
            self._registry.count(metrics.SHADOW_MISSED, connector, model, result.code)
        else:
            pair = self._counted(connector, model, comparison.tone, result.tone)
            self._registry.count(metrics.SHADOW, connector, model, *pair)

    def _counted(self, connector: str, model: str, tone: str, shadow: str) -> tuple[str, str]:
        """Return the names under which a pair of tones is counted, bounded in number."""
        series = self._registry.values[metrics.SHADOW]
        if len(series) < MAX_SERIES or (connector, model, tone, shadow) in series:
            return tone, shadow
        return "others", "others" if tone == shadow else "different"
