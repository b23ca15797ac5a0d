"""The example upstreams of docs/connectors, side by side in one daemon, fed by a foreign client."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pika
import pytest

from tests.processes import ROOT, running
from tests.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from pika.adapters.blocking_connection import BlockingChannel

DOCS = ROOT / "docs" / "connectors"
TRACE = f"00-{'1' * 32}-{'2' * 16}-01"
OTHERS = ("helpdesk.events", "store.reviews", "survey.submissions")
"""Exchanges that belong to the upstreams, which therefore declare them."""

Event = tuple[str, dict[str, Any], Any]


class Client:
    """Publishes as the upstreams do, and receives what consumers would."""

    def __init__(self, url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(url))
        self._channel: BlockingChannel = self._connection.channel()
        for exchange in OTHERS:
            self._channel.exchange_declare(exchange, "topic", durable=True)

    def listen(self, *exchanges: str) -> str:
        queue: str = self._channel.queue_declare("", exclusive=True).method.queue
        for exchange in exchanges:
            self._channel.queue_bind(queue, exchange, "#")
        return queue

    def send(self, exchange: str, key: str, file: str, **properties: Any) -> None:
        body = (DOCS / file).read_bytes()
        self._channel.basic_publish(exchange, key, body, pika.BasicProperties(**properties))

    def take(self, queue: str, count: int) -> list[Event]:
        taken: list[Event] = []

        def look() -> None:
            method, properties, body = self._channel.basic_get(queue, auto_ack=True)
            if method:
                taken.append((method.routing_key, json.loads(body), properties))

        until(lambda: len(taken) == count, look, timeout=60)
        return taken

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def settings(own_broker_url: str, redis_url: str, model_directory: Path) -> dict[str, str]:
    return {
        "TONEBUS_CONFIG": str(DOCS / "tonebus.toml"),
        "TONEBUS_MODEL": str(model_directory),
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
    }


def test_five_upstreams_run_side_by_side_in_one_daemon(settings: dict[str, str]) -> None:
    client = Client(settings["TONEBUS_BROKER_URL"])
    with running("worker", env=settings), running("daemon", env=settings):
        results = client.listen("sentiment.results")
        tones = client.listen("store.tones")
        answers = client.listen()
        asked = uuid.uuid4().hex
        client.send("helpdesk.events", "ticket.4711.commented", "helpdesk.json",
                    headers={"traceparent": TRACE})  # fmt: skip
        client.send("helpdesk.events", "ticket.4711.closed", "helpdesk.json")
        client.send("chat", "room.lobby", "chat.txt", message_id="m-1", reply_to=answers,
                    correlation_id=asked, headers={"room": "lobby", "secret": "x"})  # fmt: skip
        client.send("store.reviews", "5521.posted", "reviews.json",
                    content_type="application/cloudevents+json")  # fmt: skip
        client.send("survey.submissions", "nps.2026", "survey.json")
        client.send("mail.inbound", "support.de", "email.json")
        found = client.take(results, 5)
        [(review_key, review, review_properties)] = client.take(tones, 1)
        [(_, answer, answer_properties)] = client.take(answers, 1)

    by_connector: dict[str, list[Event]] = {}
    for event in found:
        by_connector.setdefault(event[0].partition(".")[0], []).append(event)
    assert {name: len(events) for name, events in by_connector.items()} == {
        "helpdesk": 1, "chat": 1, "survey": 2, "email": 1,
    }  # fmt: skip

    [(key, helpdesk, properties)] = by_connector["helpdesk"]
    assert key == f"helpdesk.{helpdesk['data']['tone']}"
    assert (helpdesk["subject"], helpdesk["data"]["language"]) == ("c-90817", "en")
    assert helpdesk["data"]["carried"] == {"ticket": 4711, "queue": "billing"}
    assert helpdesk["traceparent"] == properties.headers["traceparent"] == TRACE

    [(_, chat, properties)] = by_connector["chat"]
    assert properties.headers == {"room": "lobby"}
    assert chat["id"] == answer["id"]
    assert properties.correlation_id == answer_properties.correlation_id == asked

    survey = [event for _, event, _ in by_connector["survey"]]
    assert {event["subject"] for event in survey} == {"a-2", "a-3"}
    assert survey[0]["data"]["carried"]["nps"] == 4

    [(_, email, _)] = by_connector["email"]
    assert email["data"]["text"].endswith("works perfectly. Thank you!")

    assert review_key == f"review.en.{review['tone']}"
    assert review_properties.headers["ce-type"] == "sentiment.labelled.v1"
    assert review["carried"]["stars"] == 2
    client.close()
