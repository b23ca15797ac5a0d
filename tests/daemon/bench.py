"""The message path between scripted edges."""

from __future__ import annotations

import json
from typing import Any

from connectors.cache import Cache
from connectors.embedded import EmbeddedStore
from connectors.mapping import Mapper
from connectors.messages import Model
from daemon.model.identity import Identity
from daemon.pipeline.breaker import Breaker
from daemon.pipeline.pipeline import Pipeline
from daemon.pipeline.publisher import Outbox
from daemon.pipeline.scorer import Labeller
from daemon.pipeline.shadow import Shadows
from daemon.pipeline.work import Lane, Shadow
from daemon.settings import DaemonSettings
from daemon.telemetry.registry import Meter
from tests import models
from tests.daemon.scripted import MODEL, Clock, ScriptedEdges

SHADOW = "next"


class Bench:
    """A pipeline between scripted edges.

    Attributes:
        shadows: What compares the shadow's tones, where there is one.
    """

    def __init__(self, *, shadowed: bool = False) -> None:
        self.clock = Clock()
        self.edges = ScriptedEdges()
        self.meter = Meter()
        mapper = Mapper(max_body_bytes=1000, max_text_chars=100)
        shadow = Shadow(SHADOW, Identity(Model(SHADOW, "r2"), "none")) if shadowed else None
        cache = Cache(EmbeddedStore(), secret="", score_ttl=10**6, mark_ttl=10**6)
        self.shadows = Shadows(
            Labeller([SHADOW] if shadowed else [], DaemonSettings(), self.clock), cache, self.meter
        )
        self.pipeline = Pipeline(
            edges=self.edges,
            lanes={"input": Lane(mapper, models.NAME, Identity(MODEL, "none"), shadow=shadow)},
            labeller=Labeller([models.NAME], DaemonSettings(), self.clock),
            cache=cache,
            meter=self.meter,
            breaker=Breaker(window=200, share=1.0),
            outbox=Outbox(30, self.clock),
            shadows=self.shadows,
        )

    def turn(self) -> None:
        self.pipeline.turn(0)

    def score_all(self) -> None:
        """Answer all that the workers of every model are asked, once."""
        self.turn()
        for request in list(self.edges.scoring.asked):
            self.edges.scoring.score(request)
        self.turn()

    def confirm_all(self) -> None:
        """Confirm all that was published."""
        while self.edges.sink.waiting:
            self.edges.sink.tell(0, safe=True)
        self.turn()


def message(text: str, **fields: Any) -> bytes:
    return json.dumps({"text": text, **fields}).encode()
