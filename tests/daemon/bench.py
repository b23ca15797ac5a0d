"""The message path between scripted edges."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connectors.cache import Cache
from connectors.embedded import EmbeddedStore
from connectors.events.output import Output, OutputConfig
from connectors.mapping import Mapper, MappingConfig
from connectors.mapping.mapper import MAX_STEPS
from connectors.messages import Model
from daemon.model.identity import ModelIdentity
from daemon.pipeline.breaker import Breaker
from daemon.pipeline.intake import Intake
from daemon.pipeline.pipeline import Pipeline
from daemon.pipeline.publisher import Publisher
from daemon.pipeline.routing import Routing, ServedModel
from daemon.pipeline.scorer import Scorer
from daemon.pipeline.shadow import Shadows
from daemon.pipeline.tally import Tally
from daemon.pipeline.work import Item, Route
from daemon.settings import DaemonSettings
from daemon.telemetry.registry import Registry
from tests import models
from tests.daemon.scripted import MODEL, ScriptedEdges
from tests.daemon.scripted_source import Clock

if TYPE_CHECKING:
    from collections.abc import Sequence

SHADOW = "next"
MOODS = ServedModel("moods", ModelIdentity(Model("moods", "r2"), "none"))
"""A further model."""
CONFIRM = 30.0
HOLD = DaemonSettings().hold_seconds
ANSWERING = Output(OutputConfig(reply=True))


class Bench:
    """A pipeline between scripted edges.

    Attributes:
        shadows: What compares the shadow's tones, where there is one.
    """

    def __init__(  # noqa: PLR0913 - what tests differ in
        self, connectors: Sequence[str] = ("input",), *, shadowed: bool = False, share: float = 1.0,
        output: Output = ANSWERING, config: MappingConfig | None = None, max_steps: int = MAX_STEPS,
        routing: Routing | None = None, shadow_reads: Sequence[str] = (),
        further: Sequence[ServedModel] = (),
    ) -> None:  # fmt: skip
        self.clock = Clock()
        self.edges = ScriptedEdges(self.clock, connectors)
        self.registry = Registry()
        mapper = Mapper(config, max_body_bytes=1000, max_text_chars=100, max_steps=max_steps)
        tried = ModelIdentity(Model(SHADOW, "r2"), "none", frozenset(shadow_reads))
        shadow = ServedModel(SHADOW, tried) if shadowed else None
        self.store = EmbeddedStore()
        cache = Cache(self.store, secret="", score_ttl=10**6, mark_ttl=10**6)
        self.shadows = Shadows(
            Scorer({SHADOW: tried} if shadowed else {}, DaemonSettings(), cache, self.clock),
            cache,
            self.registry,
        )
        routing = routing or Routing([ServedModel(models.NAME, ModelIdentity(MODEL, "none"))])
        names = [each.name for each in routing.all_models]
        route = Route(mapper, routing, output, shadow, tuple(further))
        tally = Tally(
            self.registry,
            mapping={name: Breaker(window=200, share=share) for name in connectors},
            scoring={name: Breaker(window=200, share=share) for name in names},
        )
        served = {each.name: each.identity for each in (*routing.all_models, *further)}
        self.scorer: Scorer[Item] = Scorer(served, DaemonSettings(), cache, self.clock)
        self.publisher = Publisher(self.edges, CONFIRM, self.clock)
        self.intake = Intake(
            dict.fromkeys(connectors, route), edges=self.edges, scorer=self.scorer,
            publisher=self.publisher, tally=tally,
        )  # fmt: skip
        self.pipeline = Pipeline(
            edges=self.edges,
            routes=dict.fromkeys(connectors, route),
            scorer=self.scorer,
            cache=cache,
            tally=tally,
            intake=self.intake,
            publisher=self.publisher,
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

    def reconnect(self) -> list[bytes]:
        """Lose the connection and find it again; return what was out, for it is redelivered."""
        out = self.edges.source.bodies
        self.edges.drop()
        self.edges.open()
        self.pipeline.reset()
        self.intake.start()
        return out


def message(text: str | list[str], **fields: Any) -> bytes:
    return json.dumps({"text": text, **fields}).encode()
