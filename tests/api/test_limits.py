"""What one caller may cost the others: places, memory and time all have a bound."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from api.app import MAX_BODY_BYTES
from api.limits import Places
from tests.api.raw import Connection
from tests.serving import Serving
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from tests.api.conftest import Service


@contextmanager
def serving(app: FastAPI) -> Iterator[Serving]:
    made = Serving(app)
    try:
        yield made
    finally:
        made.stop()


# Places ---------------------------------------------------------------------------------------


def test_one_prediction_too_many_is_told_to_come_again_and_the_status_is_not(
    service: Service,
) -> None:
    client = service.client(concurrency=2)
    scorer = client.app.state.predictor._scorer  # type: ignore[attr-defined]  # FastAPI's
    service.may_work.clear()
    with ThreadPoolExecutor(3) as pool:
        waiting = [
            pool.submit(client.post, "/predict", json={"text": f"number {n}"}) for n in range(2)
        ]
        until(lambda: scorer.waiting == 2)
        reply = client.post("/predict", json={"text": "good"})
        assert reply.status_code == 429
        assert int(reply.headers["retry-after"]) > 0
        for path in ("/", "/healthz", "/readyz", "/status", "/metrics", "/static/page.js"):
            assert client.get(path).status_code == 200
        service.may_work.set()
        assert [each.result().status_code for each in waiting] == [200, 200]
    assert client.post("/predict", json={"text": "good"}).status_code == 200


def test_texts_that_wait_are_bounded_however_few_requests_they_come_in(service: Service) -> None:
    client = service.client(waiting_texts=100)
    scorer = client.app.state.predictor._scorer  # type: ignore[attr-defined]  # FastAPI's
    service.may_work.clear()
    with ThreadPoolExecutor(1) as pool:
        texts = [f"number {n}" for n in range(90)]
        first = pool.submit(client.post, "/predict", json={"texts": texts})
        until(lambda: scorer.waiting == 90)
        assert client.post("/predict", json={"texts": ["good"] * 11}).status_code == 429
        service.may_work.set()
        assert first.result().status_code == 200
    assert client.post("/predict", json={"texts": ["good"] * 11}).status_code == 200


def test_a_request_larger_than_the_bound_is_served_where_nothing_else_waits() -> None:
    places = Places(requests=1, texts=100)
    with places.taken(256):
        pass
    with places.taken(256):
        pass


# Bodies ---------------------------------------------------------------------------------------


def test_slow_bodies_hold_no_place(service: Service) -> None:
    with serving(service.app(concurrency=4)) as server, ExitStack() as stack:
        for _ in range(20):
            slow = stack.enter_context(Connection(server.url))
            slow.send(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        honest = stack.enter_context(Connection(server.url))
        for path in ("/status", "/healthz", "/metrics"):
            assert honest.get(path).status == 200
        assert honest.post("/predict", {"text": "good"}).status == 200


@pytest.mark.parametrize("head", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_does_not_come_is_not_waited_for(service: Service, head: str) -> None:
    with (
        serving(service.app(body_timeout=0.2)) as server,
        Connection(server.url) as slow,
    ):
        slow.send(f"POST /predict HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        reply = slow.reply()
        assert reply.status == 408
        assert "0.2 s" in json.loads(reply.body)["detail"]
        assert slow.ended()


def test_a_body_of_fifty_megabytes_is_refused_and_its_connection_serves_no_other(
    service: Service,
) -> None:
    with serving(service.app()) as server:
        with Connection(server.url) as large:
            large.send(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n{")
            assert large.reply().status == 413
        with Connection(server.url) as other:
            assert other.get("/healthz").status == 200


def test_a_chunked_body_is_read_no_further_than_its_limit(service: Service) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    with serving(service.app()) as server, Connection(server.url) as large:
        large.send(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BODY_BYTES // 65536 + 1):
            large.send(chunk)
        # the body has no end yet
        assert large.reply().status == 413


def test_many_large_bodies_at_a_time_cannot_fill_the_memory(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.app.MAX_BODIES_BYTES", 100_000)
    with serving(service.app()) as server, ExitStack() as stack:
        head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n"
        first, second = (stack.enter_context(Connection(server.url)) for _ in range(2))
        first.send(head + b" " * 60_000)
        second.send(head + b" " * 60_000)
        assert second.reply().status == 429
        assert stack.enter_context(Connection(server.url)).get("/status").status == 200
        first.close()
        with Connection(server.url) as third:
            until(lambda: third.post("/predict", {"text": "good" + " " * 50_000}).status == 200)


def test_an_endless_length_is_too_large(service: Service) -> None:
    reply = service.client().post("/predict", headers={"Content-Length": "9" * 5000})
    assert reply.status_code == 413
