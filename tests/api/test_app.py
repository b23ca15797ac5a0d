"""Health, status and who may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from api.app import build, create_app
from connectors.amqp.bus import Rabbit
from connectors.cache import RedisStore
from connectors.embedded import Embedded, EmbeddedBroker, EmbeddedStore
from connectors.errors import Misconfigured
from daemon.process import wiring
from daemon.settings import BrokerSettings, ConnectorSettings, Settings
from tests import models
from tests.own.server import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.conftest import Service

TOKEN = "s3cret-token"


def test_a_service_with_workers_is_ready(service: Service) -> None:
    reply = service.client().get("/readyz")
    assert reply.status_code == 200
    assert reply.json()["ready"] is True
    assert reply.json()["parts"]["workers tiny"]["ok"] is True


def test_without_workers_it_is_ready_to_say_what_is_missing(service: Service) -> None:
    client = service.client(workers=False)
    assert client.get("/healthz").json() == {"status": "ok"}
    reply = client.get("/readyz")
    assert reply.status_code == 200
    assert client.get("/status").json()["ready"] is False
    assert "tonebus worker" in reply.json()["parts"]["workers tiny"]["fix"]
    assert reply.json()["parts"]["broker"]["ok"] is True


def test_without_a_broker_it_is_ready_to_say_so_and_predicts_nothing(
    model_directory: Path,
) -> None:
    settings = Settings(
        broker=BrokerSettings(url=f"amqp://guest:{TOKEN}@127.0.0.1:{free_port()}//"),
        models=(models.settings(model_directory),),
        connectors=(),
    )
    edges = wiring.rabbit(settings, "tests")
    assert isinstance(edges, Rabbit)
    app = build(settings, edges, EmbeddedStore())
    with TestClient(app) as client:
        until(lambda: "does not answer" in app.state.predictor.fault)
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json()["parts"]["broker"]["ok"] is False
        reply = client.post("/predict", json={"text": "good"})
        assert reply.status_code == 503
        assert int(reply.headers["retry-after"]) > 0
        assert TOKEN not in ready.text + reply.text


def test_without_redis_it_is_ready_and_says_so(model_directory: Path) -> None:
    settings = Settings(models=(models.settings(model_directory),), connectors=())
    store = RedisStore(f"redis://:{TOKEN}@127.0.0.1:{free_port()}/0", timeout=0.1)
    app = build(settings, Embedded(EmbeddedBroker(), {}), store)
    with TestClient(app) as client:
        until(lambda: not app.state.predictor.fault)
        reply = client.get("/readyz")
        assert reply.json()["parts"]["redis"]["ok"] is False
        assert reply.json()["parts"]["redis"]["detail"]
        assert TOKEN not in reply.text
        # redis is missed by nobody who wants a text labelled
        missing = [name for name, part in reply.json()["parts"].items() if not part["ok"]]
        assert missing == ["redis", "workers tiny"]


def test_the_status_tells_models_workers_and_queues(service: Service) -> None:
    client = service.client()
    found = client.get("/status").json()
    assert found["ready"] is True
    assert found["models"]["tiny"]["workers"] == 1
    assert found["models"]["tiny"]["revision"]
    until(lambda: client.get("/status").json()["queues"])
    queues = {each["name"]: each for each in client.get("/status").json()["queues"]}
    assert queues["sentiment.parked"] == {
        "name": "sentiment.parked", "role": "parked", "messages": 0, "consumers": None,
    }  # fmt: skip


# Who may ask ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"],
)
def test_a_missing_or_wrong_token_is_unauthorised(service: Service, header: str) -> None:
    client = service.client(token=TOKEN)
    headers = {b"Authorization": header.encode("latin-1")} if header else {}
    for reply in (
        client.post("/predict", json={"text": "good"}, headers=headers),
        client.get("/status", headers=headers),
        client.get("/openapi.json", headers=headers),
        client.get("/no/such/page", headers=headers),
    ):
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        assert TOKEN not in reply.text
    assert service.scored == []


def test_the_right_token_opens_everything(service: Service) -> None:
    client = service.client(token=TOKEN)
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {TOKEN}"}
        assert client.post("/predict", json={"text": "good"}, headers=headers).status_code == 200
        assert client.get("/status", headers=headers).status_code == 200


def test_the_health_checks_ask_for_no_token(service: Service) -> None:
    client = service.client(token=TOKEN)
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_it_refuses_to_start_beyond_loopback_without_a_token(service: Service, host: str) -> None:
    settings = service.settings(host=host)
    with pytest.raises(Misconfigured, match="TONEBUS_API_TOKEN"):
        build(settings, Embedded(EmbeddedBroker(), {}), EmbeddedStore())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_it_starts_on_loopback_without_a_token(service: Service, host: str) -> None:
    build(service.settings(host=host), Embedded(EmbeddedBroker(), {}), EmbeddedStore())


def test_it_starts_beyond_loopback_with_a_token(service: Service) -> None:
    settings = service.settings(host="0.0.0.0", token=TOKEN)
    build(settings, Embedded(EmbeddedBroker(), {}), EmbeddedStore())


def test_the_factory_reads_the_settings_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, model_directory: Path
) -> None:
    monkeypatch.setenv("TONEBUS_MODEL", str(model_directory))
    monkeypatch.setenv("TONEBUS_API_HOST", "0.0.0.0")
    monkeypatch.delenv("TONEBUS_API_TOKEN", raising=False)
    with pytest.raises(Misconfigured, match=r"0\.0\.0\.0"):
        create_app()
    monkeypatch.setenv("TONEBUS_API_TOKEN", TOKEN)
    assert create_app().state.settings.api.token == TOKEN


def test_without_a_daemon_it_is_ready_and_predicts(service: Service) -> None:
    client = service.client(connectors=(ConnectorSettings(model=models.NAME),))
    watch = client.app.state.poller  # type: ignore[attr-defined]  # FastAPI's
    watch._blind_until = 0.0  # as if it had looked long enough to miss the daemons
    assert client.get("/status").json()["parts"]["daemons"]["state"] == "down"
    assert client.get("/readyz").status_code == 200
    assert client.post("/predict", json={"text": "good"}).status_code == 200


def test_the_contract_is_served(service: Service) -> None:
    answer = service.client().get("/asyncapi.json")
    assert answer.status_code == 200
    assert answer.json()["asyncapi"] == "3.0.0"
    assert "sentiment.results" in answer.json()["channels"] or not answer.json()["operations"]
