"""A test's own connection to RabbitMQ."""

from __future__ import annotations

from typing import Any

from connectors.amqp.connection import Broker
from tests.servers import TIMEOUT


def patient_broker(url: str, heartbeat: int = 0, **more: Any) -> Broker:
    """Return a broker that waits for a busy RabbitMQ; the caller connects it."""
    return Broker(url, name="tonebus tests", heartbeat=heartbeat, connect_timeout=TIMEOUT, **more)
