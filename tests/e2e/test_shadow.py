"""A second model is tried on live traffic, and the status tells how often it agrees."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

from tests import models
from tests.own.server import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.stage import Stage

_TEXTS = 40


def agreement(port: int) -> dict[str, Any]:
    """What the API tells of the shadow, as soon as it knows of it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)["shadow"].get("other", {"same": 0, "of": 0})
    return found


def test_a_shadow_scores_live_traffic_and_its_agreement_is_told(
    stage: Stage, model_directory: Path, tmp_path: Path
) -> None:
    other = models.save(tmp_path / "other", seed=11)
    (tmp_path / "tonebus.toml").write_text(
        models.toml(model_directory) + f'shadow = "other"\n\n{models.table("other", other)}',
        encoding="utf-8",
    )
    for name in (models.NAME, "other"):
        stage.start("worker", "--model", name)
    stage.start("daemon")
    stage.watch()
    port = free_port()
    stage.start("api", TONEBUS_API_PORT=str(port))
    stage.publish(
        (f"id {n}", f"order {n} was {'great' if n % 3 else 'awful'}") for n in range(_TEXTS)
    )
    events = stage.collect(_TEXTS)
    assert {event["data"]["model"]["name"] for event in events} == {models.NAME}
    until(lambda: agreement(port)["of"] == _TEXTS)
    assert 0 < agreement(port)["same"] < _TEXTS
