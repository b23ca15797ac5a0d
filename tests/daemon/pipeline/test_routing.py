"""Which model a text goes to, and what a text gets that none reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.messages import Model
from daemon.model.identity import ModelIdentity
from daemon.model.language import Language
from daemon.pipeline.routing import Routing, ServedModel
from daemon.telemetry import metrics
from tests.daemon.bench import Bench, message
from tests.daemon.scripted import MODEL

ENGLISH = "I have been waiting for my refund for three weeks now."
SPANISH = "Llevo tres semanas esperando la devolución de mi dinero."
JAPANESE = "注文した商品がまだ届きません。連絡もありません。"
UNREADABLE = (
    JAPANESE,
    "Tilaukseni ei ole vieläkään saapunut, ja kukaan ei vastaa puhelimeen.",
    "Δεν έφτασε ποτέ η παραγγελία μου και κανείς δεν απαντά στο τηλέφωνο.",
    "Đơn hàng của tôi vẫn chưa đến và không ai trả lời điện thoại.",
    "Huduma yenu ni mbaya sana, nimesubiri wiki tatu bila jibu.",
)


def served(name: str, *languages: str) -> ServedModel:
    model = MODEL if name == MODEL.name else Model(name, "r2")
    return ServedModel(name, ModelIdentity(model, "none", frozenset(languages)))


def published(bench: Bench, *texts: str, **fields: Any) -> list[dict[str, Any]]:
    """The data of the events of some texts."""
    for number, text in enumerate(texts):
        bench.edges.source.deliver(message(text, id=f"{number} {text}", **fields))
    bench.score_all()
    bench.confirm_all()
    return [json.loads(each.body)["data"] for each in bench.edges.sink.safe]


TINY, OTHER = served("tiny", "en"), served("other", "es", "en")


def test_a_text_goes_to_the_first_model_that_reads_its_language() -> None:
    bench = Bench(routing=Routing([TINY, OTHER]))
    found = published(bench, ENGLISH, SPANISH)
    assert [each["model"]["name"] for each in found] == ["tiny", "other"]
    assert [each["language"] for each in found] == ["en", "es"]
    assert all(0.5 < each["language_confidence"] <= 1 for each in found)
    assert sorted(bench.edges.scoring.models.values()) == ["other", "tiny"]


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_text_that_no_model_reads_has_no_tone_and_costs_no_request(text: str) -> None:
    bench = Bench(routing=Routing([TINY, OTHER]))
    [found] = published(bench, text)
    assert (found["tone"], found["reason"], found["scores"]) == ("none", "language", {})
    assert not bench.edges.scoring.models
    assert len(bench.edges.source.acked) == 1


def test_a_text_with_nothing_in_it_has_another_reason() -> None:
    [found] = published(Bench(), " ")
    assert (found["tone"], found["reason"], found["language"]) == ("none", "blank", "und")


def test_a_text_that_no_model_reads_may_be_scored_all_the_same() -> None:
    bench = Bench(routing=Routing([TINY], otherwise=TINY))
    [found] = published(bench, JAPANESE)
    assert (found["tone"], found["language"]) == ("neutral", "ja")
    assert "reason" not in found


def test_a_text_that_no_model_reads_may_go_to_another_one() -> None:
    bench = Bench(routing=Routing([TINY], otherwise=served("third", "fr")))
    found = published(bench, ENGLISH, JAPANESE)
    assert [each["model"]["name"] for each in found] == ["tiny", "third"]


def test_a_model_of_which_nobody_said_what_it_reads_gets_every_text() -> None:
    found = published(Bench(), ENGLISH, JAPANESE)
    assert [each["tone"] for each in found] == ["neutral", "neutral"]


def test_a_few_words_go_to_the_first_model() -> None:
    found = published(Bench(routing=Routing([TINY, OTHER])), "ok", "👍👍👍", "4711")
    assert {each["model"]["name"] for each in found} == {"tiny"}
    assert {each["tone"] for each in found} == {"neutral"}


def test_the_language_that_a_message_names_decides() -> None:
    routing = Routing([TINY, OTHER])
    assert routing.choose(ENGLISH, "es-MX").model is OTHER
    assert routing.choose(ENGLISH, "es_MX").language[:2] == ("es-MX", 1.0)
    assert not routing.choose(ENGLISH, "ja").read
    assert routing.choose(ENGLISH, "unknown").model is TINY


def test_a_known_score_keeps_its_language() -> None:
    bench = Bench(routing=Routing([TINY, OTHER]))
    for number in range(2):
        bench.edges.source.deliver(message(SPANISH, id=number))
        bench.score_all()
        bench.confirm_all()
    first, again = (json.loads(each.body)["data"] for each in bench.edges.sink.safe)
    assert (first["cached"], again["cached"]) == (False, True)
    assert first["language"] == again["language"] == "es"
    assert first["language_confidence"] == again["language_confidence"]


def test_events_are_counted_by_language_and_by_whether_a_model_reads_it() -> None:
    bench = Bench(routing=Routing([TINY]))
    published(bench, ENGLISH, JAPANESE, "ok")
    assert bench.registry.values[metrics.LANGUAGES] == {
        ("input", "en", "yes"): 1,
        ("input", "ja", "no"): 1,
        ("input", "und", "yes"): 1,
    }
    # whatever messages name, a label has few values
    assert {Language(tag, 1.0).group for tag in ("tlh", "en-US", "x" * 3)} == {"other", "en"}


def test_what_is_detected_is_no_part_of_an_events_id() -> None:
    ids = set()
    for languages in (("en",), ("es",)):
        bench = Bench(routing=Routing([served("tiny", *languages)]))
        published(bench, SPANISH)
        ids.add(json.loads(bench.edges.sink.safe[0].body)["id"])
    assert len(ids) == 1


def test_a_shadow_is_not_compared_on_what_it_does_not_read() -> None:
    bench = Bench(shadowed=True, shadow_reads=("en",), routing=Routing([TINY, OTHER]))
    published(bench, ENGLISH, SPANISH)
    assert list(bench.edges.scoring.models.values()).count("next") == 1
