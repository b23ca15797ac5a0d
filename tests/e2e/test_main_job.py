"""A message published by a client that is not ours becomes one event with its own tone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from connectors.messages import Score
from tests.e2e.stage import PARKED, SOURCE
from tests.own.server import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from daemon.model.tone_model import ToneModel
    from tests.e2e.stage import Stage

WORDS = ("good", "awful", "ok", "late", "great")


def sentence(number: int) -> str:
    return f"order {number} was {WORDS[number % len(WORDS)]}"


def test_a_thousand_messages_are_a_thousand_events_each_with_its_own_tone(
    stage: Stage, tone_model: ToneModel
) -> None:
    messages = {f"m-{n}": sentence(n % 700) for n in range(1000)}
    daemon = stage.start("daemon")
    workers = [stage.start("worker", ready="") for _ in range(2)]
    stage.watch()
    stage.publish(messages.items())
    for worker in workers:
        worker.wait_for("worker_ready")
    events = stage.collect(len(messages), timeout=120)

    assert len(events) == len(messages)
    by_id = {event["subject"]: event["data"] for event in events}
    assert by_id.keys() == messages.keys()
    assert len({event["id"] for event in events}) == len(messages)

    texts = [sentence(n) for n in range(700)]
    wanted = dict(zip(texts, tone_model.score(texts), strict=True))
    for identity, text in messages.items():
        data, score = by_id[identity], wanted[text]
        assert isinstance(score, Score)
        assert data["scores"] == pytest.approx(score.scores, abs=1e-3)
        assert data["tone"] == max(data["scores"], key=data["scores"].__getitem__)
        assert data["model"]["revision"] == tone_model.identity.model.revision
    assert len({data["tone"] for data in by_id.values()}) == 3

    uncached = Counter(messages[each] for each, data in by_id.items() if not data["cached"])
    assert uncached == Counter(texts)

    assert daemon.stop() == 0
    assert stage.depth(SOURCE) == 0
    assert stage.depth(PARKED) == 0
    assert len(stage.collect(len(messages))) == len(messages)


def test_after_a_kill_in_the_middle_no_event_is_missing_and_repeats_have_the_same_id(
    stage: Stage,
) -> None:
    messages = {f"m-{n}": sentence(n) for n in range(1000)}
    first, rest = list(messages.items())[:400], list(messages.items())[400:]
    slowly = {"TONEBUS_BROKER_PREFETCH": "50"}
    daemon = stage.start("daemon", **slowly)
    stage.start("worker")
    stage.watch()
    stage.publish(first)
    stage.collect(100)
    daemon.kill()
    stage.publish(rest)
    stage.start("daemon", **slowly)
    events = stage.subjects(set(messages), timeout=120)

    ids: dict[str, set[str]] = {}
    for event in events:
        ids.setdefault(event["subject"], set()).add(event["id"])
    assert ids.keys() == messages.keys()
    assert {len(each) for each in ids.values()} == {1}
    until(lambda: stage.depth(SOURCE) == 0)
    assert stage.depth(PARKED) == 0


def test_without_a_worker_messages_wait_and_none_is_lost(stage: Stage) -> None:
    messages = {f"m-{n}": sentence(n) for n in range(50)}
    daemon = stage.start("daemon", TONEBUS_DAEMON_DRAIN_SECONDS="1")
    stage.watch()
    stage.publish(messages.items())
    until(lambda: stage.depth(SOURCE) == 0)  # the daemon holds them all
    assert daemon.stop() == 0
    assert daemon.events("drain_finished")[0]["returned"] == 50
    # a quorum queue has them back some time after the daemon has gone
    until(lambda: stage.depth(SOURCE) == 50)
    assert stage.collect(0) == []

    stage.start("daemon")
    stage.start("worker")
    events = stage.collect(50)
    assert {event["subject"] for event in events} == messages.keys()
    until(lambda: stage.depth(SOURCE) == 0)
    assert stage.depth(PARKED) == 0


def test_without_redis_everything_flows(stage: Stage) -> None:
    messages = {f"m-{n}": sentence(n % 20) for n in range(50)}
    daemon = stage.start("daemon", TONEBUS_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    stage.start("worker")
    stage.watch()
    stage.publish(messages.items())
    events = stage.collect(50)
    assert {event["subject"] for event in events} == messages.keys()
    assert daemon.events("redis_failed")
    assert daemon.stop() == 0
    assert stage.depth(SOURCE) == 0
