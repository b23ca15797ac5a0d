"""The Celery application and queues that daemon and workers share: what they must agree on."""

from __future__ import annotations

import kombu
from celery import Celery

from connectors.amqp import topology
from connectors.amqp.connection import tls_options


def celery_app(broker_url: str, ca_file: str = "") -> Celery:
    """Return the Celery application that daemon and workers share: what they must agree on."""
    app = Celery("tonebus", broker=broker_url, set_as_current=False)
    app.conf.update(
        broker_use_ssl=tls_options(broker_url.partition(";")[0], ca_file) or None,
        result_backend="rpc://",
        result_persistent=False,
        task_serializer="json",
        result_serializer="json",
        accept_content=["json"],
        task_default_delivery_mode="transient",
        task_create_missing_queues=False,
        task_track_started=True,
        # a worker gets its next request when it has done the one before, so that none waits behind
        # a busy worker while another is idle
        task_acks_late=True,
        task_store_errors_even_if_ignored=True,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_enable_remote_control=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
    )
    return app


def celery_queue(model: str) -> kombu.Queue:
    """Return a model's scoring queue in kombu's terms, as `topology` declares it."""
    queue = topology.scoring_queue(model)
    return kombu.Queue(
        queue.name,
        exchange=kombu.Exchange("", type="direct"),
        routing_key=queue.name,
        durable=True,
        queue_arguments=queue.arguments,
    )
