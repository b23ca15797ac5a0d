"""Further models answer in the event beside its tone, and cost no message its life or its tone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.messages import Fault, Model
from daemon.model.identity import ModelIdentity
from daemon.pipeline.limits import SLOW_HOLDS
from daemon.pipeline.routing import Routing, ServedModel
from daemon.telemetry import metrics
from tests import models
from tests.daemon.bench import HOLD, MOODS, Bench, message
from tests.daemon.scripted import MODEL, score_of

URGENCY = ServedModel("urgency", ModelIdentity(Model("urgency", "r2"), "none"))
SPANISH = ServedModel("moods", ModelIdentity(Model("moods", "r2"), "none", frozenset({"es"})))
ERROR = Fault("error", "ValueError")


def requests_to(bench: Bench, *names: str) -> list[str]:
    scoring = bench.edges.scoring
    return [request for request in scoring.asked if scoring.models[request] in names]


def score(bench: Bench, *names: str) -> None:
    """Answer what these models are asked, once."""
    bench.turn()
    for request in requests_to(bench, *names):
        bench.edges.scoring.score(request)
    bench.turn()


def events(bench: Bench) -> list[dict[str, Any]]:
    bench.confirm_all()
    return [json.loads(each.body) for each in bench.edges.sink.safe]


def later(bench: Bench, seconds: float) -> None:
    bench.clock.now += seconds
    bench.turn()
    bench.turn()


def tell(bench: Bench, *texts: str) -> None:
    for text in texts:
        bench.edges.source.deliver(message(text, id=f"id of {text}"))


def said(text: str) -> dict[str, Any]:
    scores = score_of(text, "moods").scores
    tone = max(scores, key=scores.__getitem__)
    return {"tone": tone, "score": scores[tone], "scores": scores,
            "model": {"name": "moods", "revision": "r2"}}  # fmt: skip


def missing(reason: str, name: str = "moods") -> dict[str, Any]:
    return {"tone": "none", "score": 0.0, "scores": {},
            "model": {"name": name, "revision": "r2"}, "reason": reason}  # fmt: skip


def test_an_event_keeps_its_own_tone_and_has_those_of_the_further_models() -> None:
    plain, bench = Bench(), Bench(further=[MOODS, URGENCY])
    for each in (plain, bench):
        tell(each, "bad")
        each.score_all()
    [without], [event] = events(plain), events(bench)
    tones = event["data"].pop("tones")
    assert tones["moods"] == said("bad")
    assert tones["urgency"]["model"]["name"] == "urgency"
    assert (event["id"], event["data"]) == (without["id"], without["data"])
    assert bench.edges.sink.safe[0].routing_key == "input.neutral"
    assert len(bench.edges.source.acked) == 1
    assert bench.registry.values[metrics.FURTHER] == {
        ("input", "moods", "negative"): 1, ("input", "urgency", "negative"): 1,
    }  # fmt: skip


def test_each_model_is_sent_the_texts_of_a_batch_in_one_request() -> None:
    bench = Bench(further=[MOODS, URGENCY])
    tell(bench, "one", "two", "three")
    bench.turn()
    scoring = bench.edges.scoring
    assert sorted(scoring.models.values()) == ["moods", "tiny", "urgency"]
    assert list(scoring.asked.values()) == [["one", "two", "three"]] * 3


@pytest.mark.parametrize("order", [("tiny", "moods"), ("moods", "tiny")])
def test_nothing_is_published_or_acknowledged_before_every_model_has_answered(
    order: tuple[str, str],
) -> None:
    bench = Bench(further=[MOODS])
    tell(bench, "good")
    score(bench, order[0])
    assert not bench.edges.sink.waiting
    score(bench, order[1])
    assert len(bench.edges.sink.waiting) == 1
    assert not bench.edges.source.acked
    bench.confirm_all()
    assert len(bench.edges.source.acked) == 1
    assert not bench.pipeline.in_flight


def test_no_model_scores_a_text_twice() -> None:
    bench = Bench(further=[MOODS])
    for number in range(3):
        bench.edges.source.deliver(message("good", id=number))
        bench.score_all()
    assert len(events(bench)) == 3
    assert list(bench.edges.scoring.models.values()) == ["tiny", "moods"]


def test_a_message_that_comes_again_asks_only_the_model_that_has_not_answered() -> None:
    bench = Bench(further=[MOODS])
    tell(bench, "good")
    score(bench, "tiny")
    bodies = bench.reconnect()
    for body in bodies:
        bench.edges.source.deliver(body, redelivered=True)
    bench.turn()
    assert set(bench.edges.scoring.models.values()) == {"moods"}
    score(bench, "moods")
    [event] = events(bench)
    assert event["data"]["cached"]
    assert event["data"]["tones"] == {"moods": said("good")}


def test_a_text_that_two_connectors_want_of_a_further_model_is_scored_once() -> None:
    bench = Bench(("a", "b"), further=[MOODS])
    for name in ("a", "b"):
        bench.edges.source.deliver(message("good", id=1), connector=name)
    bench.score_all()
    assert len(events(bench)) == 2
    assert sorted(bench.edges.scoring.models.values()) == ["moods", "tiny"]


def test_a_text_that_a_further_model_cannot_score_is_published_without_its_answer() -> None:
    bench = Bench(further=[MOODS], share=0.0)
    for number in range(60):
        bench.edges.source.deliver(message(f"text {number}", id=number))
    found: list[dict[str, Any]] = []
    while len(found) < 60:
        score(bench, "tiny")
        for request in requests_to(bench, "moods"):
            texts = bench.edges.scoring.asked[request]
            bench.edges.scoring.score(request, dict.fromkeys(texts, ERROR))
        bench.turn()
        found = events(bench)
    assert all(each["data"]["tones"] == {"moods": missing("poison")} for each in found)
    assert all(each["data"]["tone"] == "neutral" for each in found)
    assert not bench.registry.total(metrics.PARKED)
    # a further model that fails on everything pauses nobody
    assert not bench.intake.pauses
    assert bench.registry.values[metrics.FURTHER_MISSED] == {("input", "moods", "poison"): 60}


def test_a_text_that_is_parked_is_not_asked_for_any_more() -> None:
    bench = Bench(further=[MOODS])
    bench.edges.scoring.absent = {"moods"}
    tell(bench, "poison")
    for _ in range(2):
        bench.turn()
        for request in requests_to(bench, "tiny"):
            bench.edges.scoring.score(request, {"poison": ERROR})
        bench.turn()
    bench.confirm_all()
    assert len(bench.edges.source.acked) == 1
    assert bench.edges.sink.safe[0].exchange == "sentiment.parked"
    assert not bench.scorer.waiting


def test_a_further_model_without_a_worker_is_waited_for_so_long_and_then_left_out() -> None:
    bench = Bench(further=[MOODS, URGENCY])
    bench.edges.scoring.absent = {"moods"}
    tell(bench, "good")
    score(bench, "tiny", "urgency")
    later(bench, HOLD - 1)
    assert not bench.edges.sink.waiting
    later(bench, 2)
    [event] = events(bench)
    assert event["data"]["tones"]["moods"] == missing("no-worker")
    assert event["data"]["tones"]["urgency"]["tone"] == "neutral"
    assert not bench.scorer.waiting
    assert not bench.intake.pauses


def test_nothing_waits_for_a_model_that_is_left_out_and_its_first_worker_ends_that() -> None:
    bench = Bench(further=[MOODS])
    bench.edges.scoring.absent = {"moods"}
    bench.turn()
    later(bench, HOLD + 1)
    tell(bench, "good")
    score(bench, "tiny")
    assert len(bench.edges.sink.waiting) == 1
    bench.confirm_all()
    bench.edges.scoring.absent = set()
    later(bench, 2)
    later(bench, 2)
    tell(bench, "fine")
    bench.score_all()
    assert [each["data"]["tones"]["moods"].get("reason") for each in events(bench)] == [
        "no-worker", None,
    ]  # fmt: skip


def test_what_a_model_that_is_left_out_has_scored_before_is_in_the_event() -> None:
    bench = Bench(further=[MOODS])
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    bench.confirm_all()
    bench.edges.scoring.absent = {"moods"}
    later(bench, 2)
    later(bench, 2)
    later(bench, HOLD + 1)
    bench.edges.source.deliver(message("good", id=2))
    bench.turn()
    assert [each["data"]["tones"] for each in events(bench)] == [{"moods": said("good")}] * 2


def test_a_text_that_hangs_its_worker_again_and_again_is_not_waited_for_for_ever() -> None:
    bench = Bench(further=[MOODS])
    tell(bench, "good")
    score(bench, "tiny")
    seconds = 0.0
    while not bench.edges.sink.waiting:
        bench.edges.scoring.start(requests_to(bench, "moods")[-1])
        bench.turn()
        later(bench, 40)
        seconds += 40
        assert seconds < SLOW_HOLDS * HOLD
    assert seconds > 2 * HOLD
    assert [each["data"]["tones"] for each in events(bench)] == [{"moods": missing("timeout")}]


def test_a_text_that_no_worker_was_lost_with_is_waited_for() -> None:
    bench = Bench(further=[MOODS])
    tell(bench, "good")
    score(bench, "tiny")
    [request] = requests_to(bench, "moods")
    for _ in range(int(3 * HOLD / 20)):
        bench.edges.scoring.start(request)
        later(bench, 20)
    assert not bench.edges.sink.waiting
    score(bench, "moods")
    assert [each["data"]["tones"] for each in events(bench)] == [{"moods": said("good")}]


def test_a_further_model_that_does_not_read_the_language_says_so() -> None:
    bench = Bench(further=[SPANISH])
    english = "I have been waiting for my refund for three weeks now."
    tell(bench, english)
    bench.score_all()
    assert set(bench.edges.scoring.models.values()) == {"tiny"}
    assert [each["data"]["tones"] for each in events(bench)] == [{"moods": missing("language")}]


def test_a_text_that_only_a_further_model_reads_has_its_answer() -> None:
    german = ServedModel(models.NAME, ModelIdentity(MODEL, "none", frozenset({"de"})))
    bench = Bench(routing=Routing([german]), further=[SPANISH])
    tell(bench, "Llevo tres semanas esperando la devolución de mi dinero.")
    bench.score_all()
    [event] = events(bench)
    assert (event["data"]["tone"], event["data"]["reason"]) == ("none", "language")
    assert event["data"]["tones"]["moods"]["tone"] == "neutral"


def test_nobody_is_asked_about_a_text_with_nothing_to_score() -> None:
    bench = Bench(further=[MOODS])
    tell(bench, "  ")
    bench.turn()
    assert [each["data"]["tones"] for each in events(bench)] == [{"moods": missing("blank")}]
    assert not bench.edges.scoring.models


def test_a_duplicate_waits_for_the_answers_too_and_makes_no_second_event() -> None:
    bench = Bench(further=[MOODS])
    tell(bench, "good", "good")
    bench.score_all()
    assert len(events(bench)) == 1
    assert len(bench.edges.source.acked) == 2
    assert sorted(bench.edges.scoring.models.values()) == ["moods", "tiny"]


def test_what_is_given_back_is_not_asked_for_any_more_and_comes_again_whole() -> None:
    bench = Bench(further=[MOODS])
    tell(bench, "good")
    score(bench, "tiny")
    bench.edges.source.stop("input")
    bench.pipeline._forget()
    bench.edges.source.start("input")
    assert not bench.pipeline.in_flight
    tell(bench, "good")
    bench.score_all()
    score(bench, "moods")
    assert [each["data"]["tones"] for each in events(bench)] == [{"moods": said("good")}]
    assert not bench.pipeline.in_flight
