"""Several models on one connector, and a worker that is killed while it scores for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from connectors.messages import Score
from daemon.model.tone_model import ToneModel
from daemon.settings import ModelSettings
from tests import models

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stage import Stage

_TEXTS = 300


def test_an_event_has_the_answers_of_every_model_though_their_worker_is_killed(
    stage: Stage, tmp_path: Path
) -> None:
    places = {"first": models.save(tmp_path / "a"), "moods": models.save(tmp_path / "b", seed=8)}
    tables = [models.table(name, place) for name, place in places.items()]
    config = tmp_path / "tonebus.toml"
    config.write_text(
        "\n".join([*tables, '[[connectors]]\nmodel = "first"\nalso = ["moods"]\n']),
        encoding="utf-8",
    )
    stage.env["TONEBUS_CONFIG"] = str(config)
    worker = stage.start("worker")
    stage.start("daemon")
    stage.watch()
    texts = {f"id {n}": f"order {n} was {'great' if n % 3 else 'awful'}" for n in range(_TEXTS)}
    stage.publish(texts.items())
    stage.collect(1)
    worker.kill()
    again = stage.start("worker")
    found = {event["subject"]: event for event in stage.subjects(set(texts))}

    assert again.wait_for("worker_ready")["model"] == "first,moods"
    assert len({event["id"] for event in stage.events}) == _TEXTS
    assert len(found) == _TEXTS
    scorers = {
        name: ToneModel.load(ModelSettings(source=str(place), precision="fp32"))
        for name, place in places.items()
    }
    for name, scorer in scorers.items():
        for identity, score in zip(texts, scorer.score(list(texts.values())), strict=True):
            data = found[identity]["data"]
            said = data if name == "first" else data["tones"]["moods"]
            assert isinstance(score, Score)
            assert said["tone"] == score.tone
            assert said["model"]["revision"] == scorer.identity.model.revision
            assert said["scores"] == pytest.approx(score.scores, abs=0.001)
