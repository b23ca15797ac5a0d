"""Clients of other systems move over by changing a URL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import Service


@pytest.mark.parametrize("path", ["/api/predict/", "/api/predict"])
def test_one_text_gets_one_label(service: Service, path: str) -> None:
    client = service.client()
    ours = client.post("/predict", json={"text": "good"}).json()
    assert client.post(path, json={"text": "good"}).json() == {
        "label": ours["tone"],
        "score": ours["score"],
    }


def test_inputs_get_lists_of_labels_the_most_probable_first(service: Service) -> None:
    client = service.client()
    ours = client.post("/predict", json={"text": "good"}).json()
    found = client.post("/predict", json={"inputs": "good"}).json()
    assert {each["label"]: each["score"] for each in found} == ours["scores"]
    assert [each["score"] for each in found] == sorted(ours["scores"].values(), reverse=True)
    assert client.post("/predict", json={"inputs": ["good"]}).json() == found
    assert client.post("/predict", json={"inputs": [["good"], ["good"]]}).json() == [found, found]


def test_softmax_of_raw_scores_gives_the_scores(service: Service) -> None:
    client = service.client()
    plain = client.post("/predict", json={"inputs": "good"}).json()
    raw = client.post("/predict", json={"inputs": "good", "raw_scores": True}).json()
    weights = [math.exp(each["score"]) for each in raw]
    for one, weight in zip(plain, weights, strict=True):
        assert weight / sum(weights) == pytest.approx(one["score"], abs=1e-6)


def test_a_text_that_would_be_cut_is_refused_where_the_client_wants_that(
    service: Service,
) -> None:
    client = service.client()
    body = {"inputs": "good " * 500, "truncate": False}
    assert client.post("/predict", json=body).status_code == 413
    assert client.post("/predict", json=body | {"truncate": True}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": ["canary", "canary"]},
        {"inputs": []},
        {"inputs": [[]]},
        {"inputs": [["a", "b"]]},
        {"inputs": [["a"]] * 257},
        {"inputs": 7},
        {"inputs": "a", "text": "b"},
        {"text": None},
        {"texts": ["a"] * 10_000},
        {"canary": "canary"},
        [],
        "canary",
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(service: Service, body: Any) -> None:
    reply = service.client().post("/predict", json=body)
    assert reply.status_code == 422
    assert "canary" not in reply.text


def test_a_lone_surrogate_is_refused_and_not_repeated(service: Service) -> None:
    reply = service.client().post(
        "/predict",
        content=b'{"text": "canary \\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert reply.status_code == 422
    assert "canary" not in reply.text
