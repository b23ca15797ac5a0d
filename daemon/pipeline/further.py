"""The further models of connectors: their answers travel in the event, beside its own tone.

An event waits for them, and none is parked or held for ever on their account: where a further
model cannot answer, the event says why in the answer's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from connectors.events.event import further_tone, no_further_tone
from connectors.text import is_blank
from daemon.pipeline.routing import NOTHING
from daemon.pipeline.work import Further

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connectors.cache import Cache
    from connectors.messages import FurtherTone, Score, Text
    from daemon.model.language import Language
    from daemon.pipeline.outgoing import PendingEvent
    from daemon.pipeline.routing import ServedModel
    from daemon.pipeline.scorer import Scorer
    from daemon.pipeline.work import Item, Outcome, Route

_REVIEW_SECONDS = 0.25
_PATIENT_HOLDS = 2
"""Times `hold_seconds`. Fewer than `SLOW_HOLDS`: an event leaves before `Intake` loses patience."""
_log = structlog.get_logger(__name__)


def wanted(models: Iterable[ServedModel], text: Text, language: Language, cache: Cache) -> Further:
    """Return which answers a text waits for, and which it cannot have."""
    further = Further({}, {})
    for name, identity in models:
        if is_blank(text.content) or not identity.reads(language):
            further.tones[name] = further_tone(NOTHING, identity.model, text.content)
        else:
            key = cache.score_key(identity.model, identity.preprocessing, text.content)
            further.open[name] = key
    return further


class FurtherModels:
    """Asks the further models, and keeps events until their answers are complete.

    A model that no worker has served for `hold_seconds` is left out until one does: then nothing
    waits for it, and the first worker is asked at once. A text that its workers were lost with is
    waited for twice as long at most; one that merely queues is waited for.

    Invariant: an event in `_waiting` has an answer open, and each open answer a request with the
    scorer.
    """

    def __init__(self, routes: Iterable[Route], scorer: Scorer[Item]) -> None:
        """Ask for nothing yet.

        The scorer is that of the models in charge: what both want of one model is scored once.
        """
        self._models = {each.name: each.identity.model for one in routes for each in one.further}
        self._scorer = scorer
        self._waiting: dict[Item, tuple[PendingEvent, float]] = {}
        self._complete: list[PendingEvent] = []
        self._workerless: dict[str, float] = {}
        self._left_out: set[str] = set()
        self._due = 0.0

    def begin(self, item: Item, known: Mapping[bytes, Score]) -> None:
        """Take what is known of an item, and ask for the rest."""
        for name, key in tuple(item.further.open.items()):
            if score := known.get(key):
                self._take(item, name, further_tone(score, self._models[name], item.text.content))
            elif name in self._left_out:
                self._miss(item, name, "no-worker")
            else:
                self._scorer.want(name, key, item.text.content, item, alone=item.suspect)

    def awaits(self, pending: PendingEvent) -> bool:
        """Keep an event if it lacks answers of further models; return whether it does."""
        if not pending.item.further.open:
            return False
        self._waiting[pending.item] = pending, self._scorer.clock()
        return True

    def answer(self, item: Item, outcome: Outcome[Item]) -> None:
        name, text = outcome.request.model, outcome.request.text
        model = outcome.model or self._models[name]
        self._take(item, name, further_tone(outcome.result, model, text))

    def withdraw(self, item: Item) -> None:
        self._waiting.pop(item, None)
        for name, key in item.further.open.items():
            self._scorer.withdraw(name, key, item)

    def complete(self) -> list[PendingEvent]:
        if self._models and (now := self._scorer.clock()) >= self._due:
            self._due = now + _REVIEW_SECONDS
            self._review(now)
        complete, self._complete = self._complete, []
        return complete

    def reset(self) -> None:
        self._waiting.clear()
        self._complete.clear()
        # their workers may have come back meanwhile
        self._workerless.clear()
        self._left_out.clear()

    def _review(self, now: float) -> None:
        """See which models have no worker, and which texts have waited for too long."""
        for name in self._models:
            if self._scorer.workers(name):
                self._workerless.pop(name, None)
                self._left_out.discard(name)
            elif now - self._workerless.setdefault(name, now) > self._scorer.hold:
                if name not in self._left_out:
                    _log.warning("further_model_left_out", model=name)
                self._left_out.add(name)
        for item, (_, since) in list(self._waiting.items()):
            late = now - since > self._scorer.hold * _PATIENT_HOLDS
            if not (late or self._left_out):
                break  # those behind it have waited for less long
            for name, key in tuple(item.further.open.items()):
                gone = name in self._left_out
                if gone or (late and self._scorer.is_suspect(name, key)):
                    self._scorer.withdraw(name, key, item)
                    self._miss(item, name, "no-worker" if gone else "timeout")

    def _miss(self, item: Item, name: str, reason: str) -> None:
        self._take(item, name, no_further_tone(self._models[name], reason))

    def _take(self, item: Item, name: str, tone: FurtherTone) -> None:
        further = item.further
        # the item may have come to its end in the same turn
        if not further.open.pop(name, None):
            return
        further.tones[name] = tone
        if not further.open and (waited := self._waiting.pop(item, None)):
            self._complete.append(waited[0])
