"""What a worker's Celery consumer does otherwise than Celery's own."""

from __future__ import annotations

from kombu.asynchronous import Hub

from connectors.scoring.celery_app import celery_app
from daemon.process.systemd import Supervisor
from daemon.worker.consumer import watch


def test_a_request_is_acknowledged_before_the_loop_sleeps_again() -> None:
    kind = watch(celery_app("amqp://"), Supervisor({}), 1.0, str)
    consumer = object.__new__(kind)
    consumer.hub = Hub()
    settled: list[int] = []
    consumer.call_soon_ack(settled.append, 7)
    assert settled == [7]
