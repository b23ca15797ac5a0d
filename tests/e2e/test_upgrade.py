"""A change of model under load, process by process: no gap, and no message told twice."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests import models
from tests.processes import Process, running
from tests.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture
def releases(tmp_path: Path, model_directory: Path) -> tuple[Path, Path]:
    """The configuration files of the old release and of the new: another temperature."""
    newer = tmp_path / "newer"
    shutil.copytree(model_directory, newer)
    card = newer / "tonebus.json"
    card.write_text(
        json.dumps(json.loads(card.read_text(encoding="utf-8")) | {"temperature": 2.0}),
        encoding="utf-8",
    )
    files = tmp_path / "old.toml", tmp_path / "new.toml"
    for file, model in zip(files, (model_directory, newer), strict=True):
        file.write_text(models.toml(model), encoding="utf-8")
    return files


def start(stack: ExitStack, release: Path, env: Mapping[str, str]) -> tuple[Process, Process]:
    """A worker and a daemon of a release."""
    settings = {**env, "TONEBUS_CONFIG": str(release)}
    worker = stack.enter_context(running("worker", env=settings, ready=""))
    daemon = stack.enter_context(running("daemon", env=settings, timeout=120))
    worker.wait_for("worker_ready", timeout=120)
    return worker, daemon


def test_a_model_is_changed_under_load_without_a_gap_or_a_second_event(
    own_broker_url: str, redis_url: str, releases: tuple[Path, Path]
) -> None:
    env = {
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_BROKER_PREFETCH": "50",
    }
    with ExitStack() as stack:
        worker, daemon = start(stack, releases[0], env)
        traffic = stack.enter_context(Traffic(own_broker_url))
        ids = traffic.publish(200)
        traffic.await_outcomes(ids[:100])
        start(stack, releases[1], env)
        ids += traffic.publish(200)
        assert worker.stop() == 0
        ids += traffic.publish(100)
        assert daemon.stop() == 0
        ids += traffic.publish(100)
        traffic.await_outcomes(ids)

        assert {len(traffic.event_ids[each]) for each in ids} == {1}
        assert len(traffic.revisions) == 2
        traffic.revisions.clear()
        traffic.await_outcomes(traffic.publish(20))
        assert len(traffic.revisions) == 1, "only the new model is left"


def test_a_message_that_is_published_again_is_labelled_again_under_the_id_that_it_had(
    own_broker_url: str, redis_url: str, releases: tuple[Path, Path]
) -> None:
    env = {
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
    }
    revisions = []
    with ExitStack() as stack:
        traffic: Traffic | None = None
        for release in releases:
            worker, daemon = start(stack, release, env)
            traffic = traffic or stack.enter_context(Traffic(own_broker_url))
            # twice, so that under each revision the second is known by the mark of the first
            for _ in range(2):
                traffic.send("m-1", "the parcel was late")
                [last] = traffic.publish(1)
                traffic.await_outcomes([last])
            assert daemon.stop() == worker.stop() == 0
            revisions.append(set(traffic.revisions))
        assert traffic is not None
        assert traffic.outcomes["m-1"] == len(releases)
        assert len(traffic.event_ids["m-1"]) == 1
        assert len(revisions[1]) == len(revisions[0]) + 1
