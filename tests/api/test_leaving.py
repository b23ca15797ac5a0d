"""Who waits for a score, and for how long: nobody in vain, and nobody after he has left."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.api.raw import Connection
from tests.serving import Serving
from tests.waiting import until

if TYPE_CHECKING:
    import pytest
    from fastapi import FastAPI
    from fastapi.testclient import TestClient

    from tests.api.conftest import Service

NEVER = 3600.0
"""Seconds: whoever waits so long waits for ever."""
BUSY = 1.0


def scorer(client: TestClient) -> Any:
    return client.app.state.predictor._scorer  # type: ignore[attr-defined]  # FastAPI's


# No worker ------------------------------------------------------------------------------------


def test_without_workers_it_says_so_at_once_and_when_to_come_again(service: Service) -> None:
    client = service.client(workers=False, predict_timeout=NEVER)
    reply = client.post("/predict", json={"text": "good"})
    assert reply.status_code == 503
    assert "no worker" in reply.json()["detail"]
    assert int(reply.headers["retry-after"]) > 0
    assert scorer(client).waiting == 0


def test_who_waits_when_the_last_worker_goes_is_told_at_once(service: Service) -> None:
    client = service.client(predict_timeout=NEVER)
    service.may_work.clear()
    with ThreadPoolExecutor(2) as pool:
        texts = ["good", "bad"]
        replies = [pool.submit(client.post, "/predict", json={"text": text}) for text in texts]
        until(lambda: scorer(client).waiting == len(texts))
        service.stop_worker()
        assert [each.result(30).status_code for each in replies] == [503, 503]
    service.may_work.set()
    service.start_worker()
    until(lambda: client.post("/predict", json={"text": "fine"}).status_code == 200)


def test_what_is_cached_is_answered_without_a_worker(service: Service) -> None:
    client = service.client(predict_timeout=NEVER)
    assert client.post("/predict", json={"text": "good"}).status_code == 200
    service.stop_worker()
    predictor = client.app.state.predictor  # type: ignore[attr-defined]  # FastAPI's
    until(lambda: not predictor.workers("tiny"))
    assert client.post("/predict", json={"text": "bad"}).status_code == 503
    assert client.post("/predict", json={"text": "good"}).json()["cached"] is True


def test_a_first_worker_serves_the_first_caller_after_it(service: Service) -> None:
    client = service.client(workers=False, predict_timeout=NEVER)
    for n in range(50):
        assert client.post("/predict", json={"text": f"number {n}"}).status_code == 503
    service.start_worker()
    until(lambda: client.post("/predict", json={"text": "good"}).status_code == 200)
    # nothing is left of those who were told to come again
    assert service.scored == [["good"]]


def test_while_rabbitmq_takes_no_requests_nobody_waits(service: Service) -> None:
    client = service.client(predict_timeout=NEVER)
    service.edges.blocked = True
    reply = client.post("/predict", json={"text": "good"})
    assert reply.status_code == 503
    assert "RabbitMQ" in reply.json()["detail"]
    service.edges.blocked = False
    assert client.post("/predict", json={"text": "good"}).status_code == 200


# A worker that takes long ---------------------------------------------------------------------


def test_a_worker_that_is_busy_too_long_is_not_waited_for(service: Service) -> None:
    client = service.client(predict_timeout=0.3)
    service.may_work.clear()
    reply = client.post("/predict", json={"text": "good"})
    assert reply.status_code == 503
    assert int(reply.headers["retry-after"]) > 0


def test_what_callers_gave_up_on_is_not_scored_before_the_next_one(service: Service) -> None:
    client = service.client(predict_timeout=0.3, concurrency=64)
    service.may_work.clear()
    with ThreadPoolExecutor(32) as pool:
        replies = [
            pool.submit(client.post, "/predict", json={"text": f"number {n}"}) for n in range(32)
        ]
        assert {each.result().status_code for each in replies} == {503}
    service.may_work.set()
    until(lambda: client.post("/predict", json={"text": "good"}).status_code == 200)
    # the worker had one batch in hand, of those who were the first to come
    assert service.scored[-1] == ["good"]
    assert len(service.scored) <= 2


def test_a_score_that_came_too_late_serves_the_next_caller(service: Service) -> None:
    client = service.client(predict_timeout=0.3)
    service.may_work.clear()
    assert client.post("/predict", json={"text": "good"}).status_code == 503
    service.may_work.set()
    until(lambda: client.post("/predict", json={"text": "good"}).status_code == 200)
    assert service.scored == [["good"]]


# Callers who hang up --------------------------------------------------------------------------


def test_nothing_is_begun_for_a_caller_who_left_before_his_request_was_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = service.app(predict_timeout=NEVER)
    server = Serving(app)
    with Connection(server.url) as here:
        here.ask("POST", "/predict", {"text": "good"})
        assert here.reply("POST").status == 200
        predictor = app.state.predictor
        begun: list[list[str]] = []
        predict = predictor.predict

        def counting(model: str, texts: list[str]) -> object:
            begun.append(texts)
            return predict(model, texts)

        monkeypatch.setattr(predictor, "predict", counting)
        # the loop is busy while they come and go
        predictor._loop.call_soon_threadsafe(time.sleep, BUSY)
        for n in range(20):
            with Connection(server.url) as caller:
                caller.ask("POST", "/predict", {"texts": [f"number {n}"]})
        left = 'tonebus_http_requests_total{route="/predict",status="499"} 20.0'

        def counted() -> bool:
            here.ask("GET", "/metrics")
            return left in here.reply().body.decode()

        until(counted)
    assert not begun
    server.stop()


def test_a_caller_who_hangs_up_takes_his_texts_and_his_place_along(service: Service) -> None:
    app = service.app(predict_timeout=NEVER, concurrency=2)
    server = Serving(app)
    service.may_work.clear()
    with Connection(server.url) as first:
        first.ask("POST", "/predict", {"text": "good"})
        until(lambda: waiting(app) == 1)
        with Connection(server.url) as second:
            second.ask("POST", "/predict", {"texts": [f"number {n}" for n in range(100)]})
            until(lambda: waiting(app) == 101)
        until(lambda: waiting(app) == 1)
        # and the place of the one who left is free again
        with Connection(server.url) as third:
            third.ask("POST", "/predict", {"text": "fine"})
            until(lambda: waiting(app) == 2)
            service.may_work.set()
            assert first.reply("POST").status == third.reply("POST").status == 200
            found = third.get("/metrics").body.decode()
    assert 'tonebus_http_requests_total{route="/predict",status="499"} 1.0' in found
    assert service.scored == [["good"], ["fine"]]
    server.stop()


def waiting(app: FastAPI) -> int:
    found: int = app.state.predictor._scorer.waiting
    return found
