"""POST /predict: the same path as the bus, for a person who waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from connectors.messages import Score
from tests.waiting import until

if TYPE_CHECKING:
    from daemon.model.tone_model import ToneModel
    from tests.api.conftest import Service

CANARY = "canary4711"


def test_one_text_has_one_prediction(service: Service, tone_model: ToneModel) -> None:
    [wanted] = tone_model.score(["good"])
    assert isinstance(wanted, Score)
    found = service.client().post("/predict", json={"text": "good"}).json()
    assert found["scores"] == pytest.approx(wanted.scores, abs=1e-3)
    assert found["tone"] == max(found["scores"], key=found["scores"].__getitem__)
    assert found["score"] == max(found["scores"].values())
    assert found["tokens"] == wanted.tokens
    assert found["truncated"] is False
    assert found["cached"] is False
    assert found["model"] == {"name": "tiny", "revision": tone_model.identity.model.revision}


def test_several_texts_have_predictions_in_their_order(
    service: Service, tone_model: ToneModel
) -> None:
    texts = [f"number {n} was good" for n in range(20)]
    reply = service.client().post("/predict", json={"texts": texts})
    found = [each["scores"] for each in reply.json()["predictions"]]
    for scores, wanted in zip(found, tone_model.score(texts), strict=True):
        assert isinstance(wanted, Score)
        assert scores == pytest.approx(wanted.scores, abs=1e-3)


def test_a_text_asked_before_comes_from_the_cache(service: Service) -> None:
    client = service.client()
    first, second = (client.post("/predict", json={"text": "good"}).json() for _ in range(2))
    assert (first["cached"], second["cached"]) == (False, True)
    assert first["scores"] == second["scores"]
    assert service.scored == [["good"]]


def test_equal_texts_of_one_request_are_scored_once(service: Service) -> None:
    reply = service.client().post("/predict", json={"texts": ["good"] * 10})
    assert len(reply.json()["predictions"]) == 10
    assert service.scored == [["good"]]


def test_callers_at_the_same_time_share_batches(service: Service) -> None:
    client = service.client()
    service.may_work.clear()
    with ThreadPoolExecutor(24) as callers:
        replies = [
            callers.submit(client.post, "/predict", json={"text": f"number {n}"}) for n in range(24)
        ]
        scorer = client.app.state.predictor._scorer  # type: ignore[attr-defined]  # FastAPI's
        until(lambda: scorer.waiting == 24)
        service.may_work.set()
        assert all(reply.result().status_code == 200 for reply in replies)
    assert sorted(text for batch in service.scored for text in batch) == sorted(
        f"number {n}" for n in range(24)
    )
    # two leave at once, with what has come by then; the rest have to wait, and leave together
    assert len(service.scored) <= 6


@pytest.mark.parametrize("text", ["", "  ", "\u200b"])
def test_a_text_with_nothing_in_it_has_the_tone_none(service: Service, text: str) -> None:
    found = service.client(workers=False).post("/predict", json={"text": text}).json()
    assert (found["tone"], found["score"], found["scores"]) == ("none", 0.0, {})


def test_a_text_that_the_model_cannot_take_is_unprocessable_and_not_echoed(
    service: Service,
) -> None:
    reply = service.client().post("/predict", json={"text": f"poison {CANARY}"})
    assert reply.status_code == 422
    assert CANARY not in reply.text


def test_a_text_that_was_cut_says_so_fresh_and_cached_and_whatever_the_model_made_of_it(
    service: Service,
) -> None:
    client = service.client(max_text_chars=8)
    for cached in (False, True):
        found = client.post("/predict", json={"texts": ["good", "good    and then some"]}).json()
        whole, cut = found["predictions"]
        assert (whole["truncated"], cut["truncated"]) == (False, True)
        assert cut["cached"] is cached
    blank = client.post("/predict", json={"text": " " * 9}).json()
    assert (blank["tone"], blank["truncated"]) == ("none", True)


def test_a_text_of_exactly_the_longest_length_is_not_cut(service: Service) -> None:
    found = service.client(max_text_chars=8).post("/predict", json={"text": "good bad"}).json()
    assert found["truncated"] is False


def test_a_lone_surrogate_does_no_harm(service: Service) -> None:
    reply = service.client().post(
        "/predict",
        content=rb'{"text": "good \ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert reply.status_code in {200, 422}


def test_an_unknown_model_is_not_found(service: Service) -> None:
    reply = service.client().post("/predict?model=huge", json={"text": "good"})
    assert reply.status_code == 404


# Bounds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'"%s"' % CANARY.encode(),
        b'{"text": null}',
        b'{"text": 7}',
        b'{"text": ["%s"]}' % CANARY.encode(),
        b'{"text": {"%s": 1}}' % CANARY.encode(),
        b'{"text": NaN}',
        b'{"texts": []}',
        b'{"texts": "%s"}' % CANARY.encode(),
        b'{"texts": ["%s", 7]}' % CANARY.encode(),
        b'{"text": "%s", "texts": ["%s"]}' % (CANARY.encode(), CANARY.encode()),
        b'{"text": "good", "%s": 1}' % CANARY.encode(),
        b'{"texts": [%s]}' % b",".join([b'"a"'] * 10_000),
        b"\xff\xfe",
        b'{"text": "good\n%s"}' % CANARY.encode(),
    ],
)
def test_a_wrong_body_is_unprocessable_and_never_echoed(service: Service, body: bytes) -> None:
    reply = service.client().post(
        "/predict", content=body, headers={"Content-Type": "application/json"}
    )
    assert reply.status_code in {400, 422}
    assert CANARY not in reply.text
    assert reply.json()["detail"]
    assert service.scored == []


@pytest.mark.parametrize("query", ["model=" + "x" * 65, f"model={CANARY * 10}"])
def test_a_wrong_query_is_unprocessable_and_never_echoed(service: Service, query: str) -> None:
    reply = service.client().post(f"/predict?{query}", json={"text": "good"})
    assert reply.status_code == 422
    assert CANARY not in reply.text
