"""The limits hold before anything is done."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.api.conftest import Service


def test_every_answer_carries_the_headers_that_guard_a_browser(service: Service) -> None:
    client = service.client(token="s3cret")
    for path in ("/", "/healthz", "/status", "/no/such/page", "/static/page.js"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_no_other_site_may_read_an_answer(service: Service) -> None:
    client = service.client()
    reply = client.get("/status", headers={"Origin": "https://example.com"})
    assert "access-control-allow-origin" not in reply.headers


def test_the_page_is_open_and_the_numbers_are_not(service: Service) -> None:
    client = service.client(token="s3cret")
    for path in ("/", "/static/page.css", "/static/page.js", "/static/icon.svg"):
        assert client.get(path).status_code == 200
    for path in ("/status", "/events", "/metrics", "/openapi.json", "/static/../status"):
        assert client.get(path).status_code == 401


def test_the_page_asks_for_nothing_from_elsewhere(service: Service) -> None:
    client = service.client()
    page = client.get("/").text
    for asset in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert not asset.startswith(("http", "//"))
        assert client.get(f"/{asset}").status_code == 200
    assert "<style" not in page
    assert not re.search(r"<script(?![^>]* src=)", page)


def test_requests_are_counted_by_route_and_not_by_path(service: Service) -> None:
    client = service.client()
    client.post("/predict", json={"text": "good"})
    client.get("/canary/4711")
    found = client.get("/metrics").text
    assert 'tonebus_http_requests_total{route="/predict",status="200"} 1.0' in found
    assert "canary" not in found


def test_the_status_can_be_followed(service: Service) -> None:
    client = service.client()
    heard = threading.Event()

    # the test client hands over a stream only when it ends, so the watch itself is followed
    async def follow() -> None:
        watch = client.app.state.poller  # type: ignore[attr-defined]
        async for status in watch.follow():
            assert status.parts
            if heard.is_set():
                return
            heard.set()

    assert client.portal
    client.portal.call(follow)
    assert heard.is_set()
