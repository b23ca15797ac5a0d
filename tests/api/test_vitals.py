"""A process is as healthy as its loops, and says so to whoever probes it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from api.app import build
from connectors.embedded import Embedded, EmbeddedBroker, EmbeddedStore
from tests.waiting import until

if TYPE_CHECKING:
    from tests.api.conftest import Service


class Faulty(Embedded):
    """A bus with a bug in it.

    Attributes:
        error: What it raises, as soon as there is something.
    """

    error: BaseException | None = None

    def wait(self, seconds: float) -> None:
        if self.error:
            raise self.error
        super().wait(seconds)


@pytest.mark.parametrize("error", [KeyError("canary"), MemoryError(), SystemExit()])
def test_a_predictor_that_died_fails_the_probes_and_is_never_waited_for(
    service: Service, error: BaseException
) -> None:
    edges = Faulty(EmbeddedBroker(), {})
    with TestClient(build(service.settings(), edges, EmbeddedStore())) as client:
        until(lambda: client.get("/healthz").status_code == 200)
        assert client.get("/readyz").status_code == 200
        edges.error = error
        edges.wakeup.set()
        until(lambda: client.get("/healthz").status_code == 503)
        health = client.get("/healthz").json()
        assert health["status"] == "failed"
        assert type(error).__name__ in health["detail"]
        assert "canary" not in health["detail"]
        assert client.get("/readyz").status_code == 503
        assert client.post("/predict", json={"text": "good"}).status_code == 503
        # a supervisor sees the process end; a person who looks first sees why
        assert client.app.state.vitals.fatal  # type: ignore[attr-defined]  # FastAPI's
        assert "ended" in client.get("/status").json()["parts"]["broker"]["fix"]


def test_a_status_that_is_no_longer_kept_up_fails_the_probes(service: Service) -> None:
    client = service.client()
    vitals = client.app.state.vitals  # type: ignore[attr-defined]  # FastAPI's

    async def fail() -> None:
        raise KeyError

    async def end() -> None:
        task = asyncio.ensure_future(fail())
        await asyncio.wait({task})
        vitals.begin(task)

    assert client.portal
    client.portal.call(end)
    assert client.get("/healthz").status_code == 503
    assert "KeyError" in client.get("/healthz").json()["detail"]
    assert vitals.fatal


def test_a_rabbitmq_that_asks_the_api_alone_to_publish_no_more_is_shown(service: Service) -> None:
    client = service.client()
    service.edges.blocked = True
    assert client.post("/predict", json={"text": "good"}).status_code == 503
    broker = client.get("/status").json()["parts"]["broker"]
    assert (broker["state"], broker["detail"]) == ("down", "Asks publishers to wait")
    assert client.get("/healthz").status_code == 200
