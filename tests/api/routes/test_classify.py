"""Clients of other systems move over by changing a URL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from huggingface_hub import InferenceClient, TextClassificationOutputElement

from tests import models
from tests.serving import Serving

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


# text-embeddings-inference, and those who speak to it ------------------------------------------


def test_the_client_of_hugging_face_is_served_at_either_url(service: Service) -> None:
    server = Serving(service.app())
    for path in ("", "predict"):
        client = InferenceClient(f"{server.url}{path}")
        found: Any = client.text_classification("good", top_k=2, function_to_apply="softmax")
        assert isinstance(found, TextClassificationOutputElement)
        assert found.label in models.TONES
    server.stop()


@pytest.mark.parametrize(
    "members",
    [
        {"parameters": {"top_k": 2, "function_to_apply": "softmax"}},
        {"parameters": {}, "options": {"wait_for_model": True}},
        {"truncate": None, "raw_scores": None, "truncation_direction": "Right"},
    ],
)
def test_members_of_other_clients_are_ignored_there(
    service: Service, members: dict[str, Any]
) -> None:
    client = service.client()
    plain = client.post("/predict", json={"inputs": "good"}).json()
    assert client.post("/predict", json={"inputs": "good", **members}).json() == plain
    # and a slip in our own protocol is told
    assert client.post("/predict", json={"text": "good", "modle": "x"}).status_code == 422


def test_a_post_to_the_page_asks_for_the_token(service: Service) -> None:
    client = service.client(token="s3cret")
    assert client.get("/").status_code == 200
    assert client.post("/", json={"inputs": "good"}).status_code == 401


# vLLM -----------------------------------------------------------------------------------------


def test_classify_answers_as_vllm_does(service: Service) -> None:
    client = service.client()
    ours = client.post("/predict", json={"text": "good"}).json()
    [model] = client.get("/v1/models").json()["data"]
    found = client.post("/classify", json={"model": model["id"], "input": "good"}).json()
    assert found["object"] == "list"
    assert found["id"].startswith("classify-")
    assert found["model"] == model["id"]
    [one] = found["data"]
    assert (one["index"], one["label"], one["num_classes"]) == (0, ours["tone"], 3)
    assert dict(zip(models.TONES, one["probs"], strict=True)) == ours["scores"]
    assert found["usage"]["prompt_tokens"] == found["usage"]["total_tokens"] == ours["tokens"]


def test_classify_names_the_model_that_texts_go_to_where_none_is_asked_for(
    service: Service,
) -> None:
    client = service.client(workers=False, names=("moods", "default"))
    assert client.post("/classify", json={"input": " "}).json()["model"] == "default"


def test_classify_takes_a_list_and_members_that_mean_nothing_here(service: Service) -> None:
    body = {"input": ["good", "bad", " "], "priority": 3, "truncate_prompt_tokens": -1, "user": "u"}
    found = service.client().post("/classify", json=body).json()["data"]
    assert [each["index"] for each in found] == [0, 1, 2]
    assert (found[2]["label"], found[2]["probs"], found[2]["num_classes"]) == ("none", [1.0], 1)


def test_softmax_of_classes_without_activation_gives_the_probabilities(service: Service) -> None:
    client = service.client()
    [plain] = client.post("/classify", json={"input": "good"}).json()["data"]
    [raw] = client.post("/classify", json={"input": "good", "use_activation": False}).json()["data"]
    weights = [math.exp(each) for each in raw["probs"]]
    assert [each / sum(weights) for each in weights] == pytest.approx(plain["probs"], abs=1e-6)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "huge", "input": "good"}, 404),
        ({"input": []}, 422),
        ({"input": [1, 2, 3]}, 422),
        ({"input": ["canary"] * 257}, 422),
        ({"messages": [{"role": "user", "content": "canary"}]}, 422),
        ({"text": "canary"}, 422),
    ],
)
def test_what_classify_cannot_serve_is_refused_and_not_repeated(
    service: Service, body: Any, status: int
) -> None:
    reply = service.client().post("/classify", json=body)
    assert reply.status_code == status
    assert "canary" not in reply.text
