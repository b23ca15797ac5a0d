"""What a worker sends back survives the bus; what is no answer is refused."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import amqp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.amqp import topology
from connectors.errors import BadInput, Unavailable
from connectors.messages import Fault, Model, Score
from connectors.scoring.celery_app import celery_app, celery_queue
from connectors.scoring.client import Scoring
from connectors.scoring.protocol import (
    LOST,
    TASK,
    TRANSIENT,
    BatchResult,
    Failed,
    Scored,
    Started,
    Unreadable,
    read_reply,
)
from tests.brokers import patient_broker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.amqp.connection import Broker
    from connectors.scoring.protocol import Reply

TONES = ("negative", "neutral", "positive")
MODEL = Model("tiny", "r1")
REMARKS = {"root_id", "timelimit", "argsrepr", "kwargsrepr", "origin"}
"""Headers of Celery's that change nothing."""

probabilities = st.floats(0, 1, allow_nan=False)
scores = st.builds(
    lambda row, tokens, truncated: Score(dict(zip(TONES, row, strict=True)), tokens, truncated),
    st.tuples(probabilities, probabilities, probabilities),
    st.integers(0, 512),
    st.booleans(),
)
faults = st.builds(Fault, st.sampled_from(["not-finite", "out-of-memory", "error"]), st.text())


def reply(result: Any, status: str = "SUCCESS") -> bytes:
    """A reply as Celery's rpc backend writes it."""
    return json.dumps(
        {
            "task_id": "request-1",
            "status": status,
            "result": result,
            "traceback": None,
            "children": [],
        }
    ).encode()


def result(results: list[Score | Fault]) -> Any:
    made = BatchResult.of(results, worker="w-1", model=MODEL, seconds=0.5, tones=TONES)
    return msgspec.to_builtins(made)


@given(st.lists(scores | faults, max_size=20))
def test_results_come_back_as_they_were_in_their_order(results: list[Score | Fault]) -> None:
    answer = read_reply(reply(result(results)))
    assert answer == Scored("request-1", "w-1", MODEL, results, 0.5)


def test_a_request_taken_up_names_its_worker() -> None:
    assert read_reply(reply({"pid": 1, "hostname": "w-1"}, "STARTED")) == Started(
        "request-1", "w-1"
    )


def test_a_request_that_came_back_names_the_loss_of_its_worker() -> None:
    assert read_reply(reply(None, LOST)) == Failed("request-1", Fault("worker-lost"))


@pytest.mark.parametrize(
    ("raised", "detail"),
    [
        ({"exc_type": "BatchFailed", "exc_message": ["ValueError"]}, "ValueError"),
        ({"exc_type": "MemoryError", "exc_message": ["canary4711 is too long"]}, "MemoryError"),
        ({"exc_type": "BatchFailed", "exc_message": ["a text with canary4711"]}, "FAILURE"),
        ({"exc_type": "BatchFailed", "exc_message": []}, "BatchFailed"),
        ({"exc_type": "canary4711" * 20, "exc_message": []}, "FAILURE"),
        (None, "FAILURE"),
    ],
)
def test_a_failure_names_the_class_of_the_error_and_nothing_of_its_message(
    raised: object, detail: str
) -> None:
    answer = read_reply(reply(raised, "FAILURE"))
    assert answer == Failed("request-1", Fault("error", detail))


@pytest.mark.parametrize("status", ["RETRY", "REVOKED", "PENDING", "WHATEVER"])
def test_any_other_status_is_a_failure(status: str) -> None:
    assert read_reply(reply(None, status)) == Failed("request-1", Fault("error", status))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"task_id": 1, "status": "SUCCESS", "result": null}',
        b'{"task_id": "request-1", "status": "SUCCESS"}',
        reply(None),
        reply([]),
        reply({"rows": []}),
        reply(result([Score(dict.fromkeys(TONES, 0.1), 3)])[:-1]),
        reply(["w", ["tiny", "r1"], "soon", ["neutral"], [], {}]),
        reply({"pid": 1}, "STARTED"),
        reply("text", "STARTED"),
        b'{"task_id": "request-1", "status": "SUCCESS", "result": ' + b"[" * 200_000,
        b'{"task_id": "request-1", "status": "\xff", "result": null}',
        b'{"task_id": "request-1", "status": "FAILURE", "result": ' + b"[" * 5000 + b"]" * 5000,
    ],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="reply"):
        read_reply(body)


def test_an_error_that_cannot_be_read_is_one_without_a_name() -> None:
    body = b'{"task_id": "request-1", "status": "FAILURE", "result": {"exc_type": "\xff"}}'
    assert read_reply(body) == Failed("request-1", Fault("error", "FAILURE"))


def test_a_row_of_another_length_than_the_tones_is_refused() -> None:
    spoilt = json.loads(json.dumps(result([Score(dict.fromkeys(TONES, 0.1), 3)])))
    assert spoilt[4][0][0] == [0.1, 0.1, 0.1]
    spoilt[4][0][0] = [0.5]
    with pytest.raises(BadInput, match="reply"):
        read_reply(reply(spoilt))


@given(st.binary(max_size=200) | st.text(max_size=100))
def test_any_rubbish_is_refused_and_nothing_worse(body: bytes | str) -> None:
    with pytest.raises(BadInput):
        read_reply(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_for_a_result_is_refused_and_nothing_worse(result: object) -> None:
    for status in ("SUCCESS", "STARTED"):
        with pytest.raises(BadInput):
            read_reply(reply(result, status))


@contextmanager
def asked(url: str) -> Iterator[tuple[Broker, Scoring, str, amqp.Message]]:
    """A request of ours, and what a worker finds in its queue."""
    broker = patient_broker(url, heartbeat=10)
    broker.connect()
    model = f"m{uuid.uuid4().hex[:8]}"
    topology.apply(broker, topology.scoring([model]))
    try:
        scoring = Scoring(broker)
        request = scoring.ask(model, ["fine"], urgent=False, timeout=30)
        channel = broker.channel()
        queue = topology.scoring_queue(model).name
        taken: list[amqp.Message] = []

        def take() -> None:
            if message := channel.basic_get(queue, no_ack=True):
                taken.append(message)

        until(lambda: taken, take)
        yield broker, scoring, request, taken[0]
    finally:
        broker.close()


def test_a_request_is_what_celery_itself_would_send(broker_url: str) -> None:
    with asked(broker_url) as (broker, _, request, ours):
        queue = celery_queue(ours.delivery_info["routing_key"].rpartition(".")[2])
        with celery_app(broker_url).connection_for_write() as connection:
            app, producer = celery_app(broker_url), connection.Producer()
            app.send_task(
                TASK, [["fine"]], task_id=request, reply_to=ours.properties["reply_to"],
                queue=queue, declare=[], producer=producer, priority=topology.BULK, expiration=30,
                delivery_mode=TRANSIENT,
            )  # fmt: skip
        taken: list[amqp.Message] = []

        def take() -> None:
            if message := broker.channel().basic_get(queue.name, no_ack=True):
                taken.append(message)

        until(lambda: taken, take)
        [theirs] = taken
        assert json.loads(ours.body) == json.loads(theirs.body)
        said, meant = (each.properties.pop("application_headers") for each in (ours, theirs))
        assert ours.properties == theirs.properties
        assert said.items() <= meant.items()
        # what else Celery says is about features that no request uses
        assert not any(value for name, value in meant.items() if name not in said.keys() | REMARKS)


def answer_to(broker: Broker, scoring: Scoring, request: amqp.Message, body: bytes) -> list[Reply]:
    """Reply with a body, and return what the asking side makes of it."""
    broker.channel().basic_publish(
        amqp.Message(body, correlation_id=request.properties["correlation_id"]),
        routing_key=request.properties["reply_to"],
    )
    answers: list[Reply] = []

    def turn() -> None:
        broker.wait(0.1)
        answers.extend(scoring.replies())

    until(lambda: answers, turn)
    return answers


def test_a_reply_that_cannot_be_read_is_an_answer_to_its_request(broker_url: str) -> None:
    with asked(broker_url) as (broker, scoring, request, message):
        assert answer_to(broker, scoring, message, b"\xff") == [Unreadable(request)]
        # the request goes on: a reply that can be read may follow
        read = reply({"pid": 1, "hostname": "w-1"}, "STARTED").replace(
            b"request-1", request.encode()
        )
        assert answer_to(broker, scoring, message, read) == [Started(request, "w-1")]


def test_a_reply_that_answers_no_request_is_passed_over(broker_url: str) -> None:
    with asked(broker_url) as (broker, scoring, request, message):
        broker.channel().basic_publish(
            amqp.Message(b"\xff"), routing_key=message.properties["reply_to"]
        )
        assert answer_to(broker, scoring, message, b"\xff") == [Unreadable(request)]


def test_a_queue_for_replies_that_is_deleted_ends_the_connection_and_is_named(
    broker_url: str,
) -> None:
    with asked(broker_url) as (broker, _, __, message):
        channel = broker.channel()
        # the cancel may come before the answer to the deletion
        with pytest.raises(Unavailable, match="queue for workers' replies was deleted"):  # noqa: PT012 - either may raise
            channel.queue_delete(message.properties["reply_to"])
            until(lambda: False, lambda: broker.wait(0.1))


def test_a_worker_asks_for_no_prefetch_that_rabbitmq_may_deny(broker_url: str) -> None:
    with celery_app(broker_url).connection_for_read() as connection:
        connection.connect()
        # what Celery goes by: https://www.rabbitmq.com/docs/consumer-prefetch, "global"
        assert connection.qos_semantics_matches_spec
