"""HEAD, and paths with a slash at their end: what proxies, monitors and people send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.raw import Connection
from tests.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import Service

TOKEN = "s3cret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def connection(service: Service) -> Iterator[Connection]:
    server = Serving(service.app(token=TOKEN))
    with Connection(server.url) as made:
        yield made
    server.stop()


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/static/page.js"]
)
def test_head_says_what_get_would_and_sends_no_body(connection: Connection, path: str) -> None:
    got = connection.get(path, **BEARER)
    connection.ask("HEAD", path, **BEARER)
    head = connection.reply("HEAD")
    assert (head.status, head.body) == (got.status, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    # the connection is where the next request begins
    assert connection.get("/healthz").status == 200


def test_head_of_a_stream_without_end_ends(connection: Connection) -> None:
    connection.ask("HEAD", "/events", **BEARER)
    head = connection.reply("HEAD")
    assert head.status == 200
    assert head.headers["content-type"].startswith("text/event-stream")
    assert connection.get("/status", **BEARER).status == 200


def test_head_asks_for_the_token_as_well(connection: Connection) -> None:
    connection.ask("HEAD", "/status")
    assert connection.reply("HEAD").status == 401


@pytest.mark.parametrize(
    "path", ["/status/", "/healthz/", "/metrics//", "/readyz/", "/status/?a=b"]
)
def test_a_slash_at_the_end_changes_nothing_and_leads_nowhere_else(
    connection: Connection, path: str
) -> None:
    reply = connection.get(path, **BEARER)
    assert reply.status == 200
    assert "location" not in reply.headers


@pytest.mark.parametrize("path", ["/predict", "/predict/", "/api/predict", "/api/predict/"])
def test_a_prediction_is_never_sent_elsewhere(connection: Connection, path: str) -> None:
    assert connection.post(path, {"text": "good"}, **BEARER).status == 200
    assert connection.post(path, {"text": "good"}).status == 401


@pytest.mark.parametrize("path", ["/no/such/page/", "/static", "/static/", "//"])
def test_what_is_not_there_is_not_found(connection: Connection, path: str) -> None:
    reply = connection.get(path, **BEARER)
    assert reply.status == 404
    assert "location" not in reply.headers
