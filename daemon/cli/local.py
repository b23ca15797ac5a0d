"""Scores in this process, as a daemon and its workers would give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.pipeline.routing import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.messages import Fault, Score
    from daemon.model.tone_model import ToneModel
    from daemon.pipeline.routing import Choice, Routing
    from daemon.settings import Settings


class LocalScorer:
    """Loads each model when the first text goes to it."""

    def __init__(self, settings: Settings, routing: Routing) -> None:
        self._settings = settings
        self._routing = routing
        self._loaded: dict[str, ToneModel] = {}

    def score(
        self, texts: Sequence[str], tags: Sequence[str | None] = ()
    ) -> list[tuple[Choice, Score | Fault]]:
        """Score texts, in their order; one that no model is to score has no scores.

        Texts are clamped as the daemon does it; tags are their languages, as messages name them.

        Raises:
            Misconfigured: A model cannot be loaded.
        """
        tags = tags or [None] * len(texts)
        choices = [self._routing.choose(*pair) for pair in zip(texts, tags, strict=True)]
        results: list[Score | Fault] = [NOTHING] * len(texts)
        places: dict[str, list[int]] = {}
        for place, choice in enumerate(choices):
            if choice.scored:
                places.setdefault(choice.model.name, []).append(place)
        for name, found in places.items():
            scored = self._model(name).score([texts[place] for place in found])
            for place, result in zip(found, scored, strict=True):
                results[place] = result
        return list(zip(choices, results, strict=True))

    def _model(self, name: str) -> ToneModel:
        if name not in self._loaded:
            # torch is slow to import, and no other command may pay for it
            from daemon.model.tone_model import ToneModel  # noqa: PLC0415

            self._loaded[name] = ToneModel.load(self._settings.model(name))
        return self._loaded[name]
