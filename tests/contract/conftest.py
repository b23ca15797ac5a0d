from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.subscription import Subscription
from tests import models
from tests.contract.buses import EmbeddedBus, RabbitBus
from tests.otlp import collecting
from tests.processes import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from daemon.model.tone_model import ToneModel
    from tests.contract.buses import Bus
    from tests.otlp import Collector


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    """Where the real worker's spans go."""
    with collecting() as found:
        yield found


@pytest.fixture(scope="session")
def broker_url(new_vhost: Callable[[], str]) -> str:
    """RabbitMQ: a virtual host of their own, for all events that nobody wants meet in one queue."""
    return new_vhost()


@pytest.fixture(scope="session")
def real_worker(
    broker_url: str,
    model_directory: Path,
    tmp_path_factory: pytest.TempPathFactory,
    collector: Collector,
) -> Iterator[None]:
    """A Celery worker with the tiny model, in a process of its own."""
    config = tmp_path_factory.mktemp("contract") / "tonebus.toml"
    config.write_text(models.toml(model_directory), encoding="utf-8")
    env = {"TONEBUS_CONFIG": str(config), "TONEBUS_BROKER_URL": broker_url, **collector.env}
    with running("worker", env=env):
        yield


@pytest.fixture
def embedded_bus(tone_model: ToneModel) -> Iterator[Bus]:
    bus = EmbeddedBus(tone_model)
    yield bus
    bus.close()


@pytest.fixture
def rabbit_bus(broker_url: str, collector: Collector) -> Iterator[Bus]:
    bus = RabbitBus(broker_url, collector)
    yield bus
    bus.close()


@pytest.fixture
def subscription() -> Subscription:
    """A connector that no other test has."""
    name = f"input-{uuid.uuid4().hex[:8]}"
    return Subscription(name, f"{name}.events", ("#",))
