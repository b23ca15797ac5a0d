"""Celery as workers use it: its settings, and the queues of their requests."""

from __future__ import annotations

import kombu
from celery import Celery
from celery.app.amqp import AMQP

from connectors.amqp import topology
from connectors.amqp.nodes import NodeConnection, login_method, nodes, tls_options
from connectors.tls import SYSTEM_TRUST, Tls


class _NodesByName(AMQP):  # type: ignore[misc]  # Celery has no types
    Connection = NodeConnection


def celery_app(broker_url: str, tls: Tls = SYSTEM_TRUST, *, external: bool = False) -> Celery:
    """Return a Celery application, by arguments as of `Broker`.

    Raises:
        WrongUrl: No connection can be made of a URL.
    """
    known = nodes(broker_url)
    app = Celery(
        "tonebus",
        broker=";".join(node.url for node in known),
        amqp=_NodesByName,
        set_as_current=False,
    )
    app.conf.update(
        broker_use_ssl=tls_options(known[0], tls) or None,
        broker_login_method=login_method(external=external),
        accept_content=["json"],
        task_create_missing_queues=False,
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
