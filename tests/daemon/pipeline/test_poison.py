"""A text that breaks the model, over a real worker and a real model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.amqp.wakeup import Wakeup
from connectors.embedded import EmbeddedWorker
from connectors.embedded.edges import _Scoring
from connectors.messages import Fault, Score
from daemon.worker.task import result_maker
from tests import models
from tests.daemon.desk import made
from tests.daemon.scripted_source import Clock
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.ports import ScoringEdge
    from connectors.scoring.protocol import BatchResult
    from daemon.model.tone_model import ToneModel
    from daemon.pipeline.work import Outcome


@pytest.mark.parametrize("guilty", [0, 7, 15])
def test_a_text_that_makes_the_model_raise_is_found_and_its_neighbours_are_scored(
    tone_model: ToneModel, guilty: int
) -> None:
    texts = [f"number {n} is good" for n in range(16)]
    score = result_maker(tone_model, "embedded")

    def fragile(batch: Sequence[str], headers: Mapping[str, Any]) -> BatchResult:
        if texts[guilty] in batch:
            raise ValueError
        return score(batch, headers)

    wakeup = Wakeup()
    scoring: ScoringEdge = _Scoring({models.NAME: EmbeddedWorker(fragile)}, wakeup)
    scorer = made(Clock())
    for text in texts:
        scorer.want(models.NAME, text.encode(), text, text)
    outcomes: list[Outcome[str]] = []

    def turn() -> None:
        scorer.ask(scoring)
        wakeup.wait(0.1)
        outcomes.extend(scorer.collect(scoring.replies()))

    until(lambda: len(outcomes) == len(texts), turn)
    found = {outcome.request.text: outcome.result for outcome in outcomes}
    assert found[texts[guilty]] == Fault("error", "ValueError")
    for text, wanted in zip(texts, tone_model.score(texts), strict=True):
        if text != texts[guilty]:
            got = found[text]
            assert isinstance(got, Score)
            assert isinstance(wanted, Score)
            assert got.scores == pytest.approx(wanted.scores, abs=1e-3)
