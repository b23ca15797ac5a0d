"""How a worker's replies leave, on a real connection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from connectors.messages import Fault, Model, Score
from connectors.scoring.protocol import (
    BatchFailed,
    BatchResult,
    Failed,
    Scored,
    Started,
    read_reply,
)
from daemon.settings import load
from daemon.worker import bus
from tests.brokers import patient_broker
from tests.proxy import proxied
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import amqp

    from connectors.scoring.protocol import Reply

REQUEST = "request-1"
TONES = ("negative", "neutral", "positive")
SCORE = Score(dict.fromkeys(TONES, 0.25), 3)
MODEL = Model("tiny", "r1")


class Asker:
    """A queue for replies, and what came into it."""

    def __init__(self, url: str) -> None:
        self._broker = patient_broker(url)
        self._broker.connect()
        self._channel = self._broker.channel()
        self.reply_to = self._channel.queue_declare("", exclusive=True).queue
        self.close = self._broker.close

    def reply(self) -> Reply:
        """Wait for the next reply."""
        taken: list[amqp.Message] = []

        def look() -> None:
            if message := self._channel.basic_get(self.reply_to, no_ack=True):
                taken.append(message)

        until(lambda: taken, look)
        assert taken[0].properties["correlation_id"] == REQUEST
        return read_reply(taken[0].body)


@pytest.fixture
def asker(broker_url: str) -> Iterator[Asker]:
    made = Asker(broker_url)
    yield made
    made.close()


class Worker:
    """The side of a worker that replies to the asker's request."""

    def __init__(self, url: str, asker: Asker) -> None:
        self._backend = bus.celery_app(load({"TONEBUS_BROKER_URL": url}), []).backend
        self._request = SimpleNamespace(
            id=REQUEST, reply_to=asker.reply_to, correlation_id=REQUEST, chord=None
        )

    def say(self, result: object, state: str) -> None:
        self._backend.store_result(REQUEST, result, state, request=self._request)


def test_a_reply_is_read_as_it_was_sent(broker_url: str, asker: Asker) -> None:
    worker = Worker(broker_url, asker)
    worker.say({"hostname": "w-1"}, "STARTED")
    assert asker.reply() == Started(REQUEST, "w-1")
    outcomes: list[Score | Fault] = [SCORE, Fault("not-finite", "é")]
    worker.say(
        BatchResult.of(outcomes, worker="w-1", model=MODEL, seconds=0.5, tones=TONES), "SUCCESS"
    )
    assert asker.reply() == Scored(REQUEST, "w-1", MODEL, outcomes, 0.5)
    worker.say(BatchFailed("ValueError"), "FAILURE")
    assert asker.reply() == Failed(REQUEST, Fault("error", "ValueError"))


def test_a_reply_after_a_lost_connection_leaves_on_a_new_one(broker_url: str, asker: Asker) -> None:
    with proxied(broker_url) as (proxy, url):
        worker = Worker(url, asker)
        worker.say({"hostname": "w-1"}, "STARTED")
        assert asker.reply() == Started(REQUEST, "w-1")
        proxy.cut()
        worker.say({"hostname": "w-2"}, "STARTED")
        assert asker.reply() == Started(REQUEST, "w-2")
