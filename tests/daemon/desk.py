"""A scorer over a scripted scoring edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.cache import Cache
from connectors.embedded.store import EmbeddedStore
from connectors.messages import Fault, Score
from daemon.model.identity import ModelIdentity
from daemon.pipeline.scorer import Scorer
from daemon.settings import DaemonSettings
from tests import models
from tests.daemon.scripted import MODEL, ScriptedScoring
from tests.daemon.scripted_source import Clock

if TYPE_CHECKING:
    from daemon.pipeline.work import Outcome

ERROR = Fault("error", "ValueError")


class Desk:
    """A scorer over a scripted scoring edge."""

    def __init__(self, live: int = 1, **settings: float) -> None:
        self.clock = Clock()
        self.scoring = ScriptedScoring(live)
        given = {"score_timeout": 30.0} | settings
        self.cache = Cache(EmbeddedStore(), secret="", score_ttl=60, mark_ttl=60)
        self.scorer = made(self.clock, DaemonSettings(**given), self.cache)  # type: ignore[arg-type]
        self.outcomes: list[Outcome[str]] = []

    def want(self, *texts: str) -> None:
        for text in texts:
            self.scorer.want(models.NAME, text.encode(), text, f"requester of {text}")

    def turn(self) -> None:
        self.scorer.ask(self.scoring)
        self.outcomes += self.scorer.collect(self.scoring.replies())
        self.scorer.ask(self.scoring)

    def later(self, seconds: float) -> None:
        self.clock.now += seconds
        self.turn()

    @property
    def asked(self) -> list[list[str]]:
        return list(self.scoring.asked.values())

    @property
    def results(self) -> dict[str, Score | Fault]:
        return {outcome.request.text: outcome.result for outcome in self.outcomes}

    def only_request(self) -> str:
        [request] = self.scoring.asked
        return request


def made(
    clock: Clock, settings: DaemonSettings | None = None, cache: Cache | None = None, *,
    urgent: bool = False, yields: bool = False, names: tuple[str, ...] = (models.NAME,),
) -> Scorer[str]:  # fmt: skip
    cache = cache or Cache(EmbeddedStore(), secret="", score_ttl=60, mark_ttl=60)
    served = {name: ModelIdentity(MODEL, "none") for name in names}
    return Scorer(
        served, settings or DaemonSettings(), cache, clock, urgent=urgent, yields=yields
    )  # fmt: skip
