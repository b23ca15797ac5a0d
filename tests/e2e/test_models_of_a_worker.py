"""One worker that serves several models, and a daemon that sends each text to the right one."""

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

ENGLISH = "I have been waiting for my refund for three weeks now."
SPANISH = "Llevo tres semanas esperando la devolución de mi dinero."
JAPANESE = "注文した商品がまだ届きません。連絡もありません。"
READS = {"first": "en", "second": "es"}


@pytest.fixture
def places(stage: Stage, tmp_path: Path) -> dict[str, Path]:
    """Where the two models of the only connector are: `first` for English, `second` for Spanish."""
    places = {"first": models.save(tmp_path / "a"), "second": models.save(tmp_path / "b", seed=8)}
    tables = [
        models.table(name, place) + f'languages = ["{READS[name]}"]\n'
        for name, place in places.items()
    ]
    config = tmp_path / "tonebus.toml"
    config.write_text(
        "\n".join([*tables, '[[connectors]]\nmodel = ["first", "second"]\n']), encoding="utf-8"
    )
    stage.env["TONEBUS_CONFIG"] = str(config)
    return places


def test_one_worker_serves_the_models_that_connectors_send_texts_to(
    stage: Stage, places: dict[str, Path]
) -> None:
    worker = stage.start("worker")
    stage.start("daemon")
    stage.watch()
    texts = {"en": ENGLISH, "es": SPANISH, "ja": JAPANESE}
    stage.publish(texts.items())
    found = {event["subject"]: event["data"] for event in stage.collect(3)}

    assert worker.wait_for("worker_ready")["model"] == "first,second"
    assert {name: data["language"] for name, data in found.items()} == {
        name: name for name in texts
    }
    assert (found["ja"]["tone"], found["ja"]["reason"]) == ("none", "language")
    for name, language in READS.items():
        [wanted] = ToneModel.load(ModelSettings(source=str(places[name]))).score([texts[language]])
        assert isinstance(wanted, Score)
        assert found[language]["scores"] == {
            tone: round(score, 4) for tone, score in wanted.scores.items()
        }


def test_a_model_without_a_worker_is_named_and_its_texts_wait(
    stage: Stage, places: dict[str, Path]
) -> None:
    assert places
    stage.start("worker", "--model", "first")
    daemon = stage.start("daemon", TONEBUS_DAEMON_HOLD_SECONDS="2")
    stage.watch()
    stage.publish([("en", ENGLISH), ("es", SPANISH)])
    stage.subjects({"en"})
    paused = daemon.wait_for("connector_paused")
    assert (paused["reason"], paused["models"]) == ("no-worker", "second")

    stage.start("worker", "--model", "second")
    stage.subjects({"en", "es"})
    assert [event["data"]["language"] for event in stage.events] == ["en", "es"]
