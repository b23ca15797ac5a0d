"""What a stranger writes to a scoring queue: dropped, never logged, and no worker ends of it."""

from __future__ import annotations

import json
import uuid
import zlib
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from connectors.amqp import topology
from connectors.scoring.protocol import Scored
from tests import models
from tests.hostile.frames import UNREADABLE, publish
from tests.waiting import until
from tests.workers import pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.conftest import Node
    from tests.workers import Pair

CANARY = "canary4711 of a stranger"
QUEUE = topology.scoring_queue(models.NAME).name
GOOD_BODY = json.dumps([[[CANARY]], {}, {}])
BOMB = zlib.compress(b"\0" * 50_000_000)


def written(body: str | bytes = GOOD_BODY, **headers: Any) -> amqp.Message:
    """A message like a request, but for what is given."""
    usual = {"id": uuid.uuid4().hex, "task": "score"}
    return amqp.Message(
        body, content_type="application/json", content_encoding="utf-8", reply_to="nobody",
        application_headers={name: value for name, value in (usual | headers).items() if value},
    )  # fmt: skip


REFUSED = {
    "text": amqp.Message(CANARY),
    "no JSON": written(CANARY),
    "no arguments": written(json.dumps({"text": CANARY})),
    "other arguments": written(json.dumps([[[CANARY], 1], {}, {}])),
    "a text for a list": written(json.dumps([[CANARY], {}, {}])),
    "an object for a text": written(json.dumps([[[{"text": CANARY}]], {}, {}])),
    "keywords": written(json.dumps([[[CANARY]], {"texts": [CANARY]}, {}])),
    "callbacks": written(json.dumps([[[CANARY]], {}, {"callbacks": [{"task": CANARY}]}])),
    "deep": written("[" * 100_000),
    "no id": written(id=""),
    "no task": written(task=""),
    "another task": written(task=CANARY),
    "Celery's first protocol": written(
        json.dumps({"task": "score", "args": [[CANARY]], "id": "1"}), id="", task=""
    ),
    "pickle": amqp.Message(
        b"\x80\x04N.", content_type="application/x-python-serialize", content_encoding="binary"
    ),
    "a bomb": written(BOMB, compression="application/x-gzip"),
}


@pytest.fixture(scope="module")
def two(
    node: Node, model_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    url = node.broker.url.removesuffix("%2F") + node.broker.new_vhost()
    with pair(url, model_directory, tmp_path_factory.mktemp("strangers")) as made:
        yield made


def refusals(two: Pair) -> int:
    return sum(len(worker.events("request_refused")) for worker in two.workers)


def assert_unharmed(two: Pair) -> None:
    """Both workers go on, and nothing of the stranger's stands in a log."""
    for _ in range(4):
        two.asker.await_answer(two.asker.ask("fine"), Scored)
    assert [worker.starts for worker in two.workers] == [1, 1]
    for worker in two.workers:
        assert "canary" not in worker.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_dropped(two: Pair, name: str) -> None:
    before = refusals(two)
    two.asker.broker.channel().basic_publish(REFUSED[name], routing_key=QUEUE)
    until(lambda: refusals(two) == before + 1, two.asker.turn)
    assert_unharmed(two)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_frame_that_no_parser_reads_is_dropped(two: Pair, name: str) -> None:
    before = refusals(two)
    with two.asker.broker.channel() as channel:
        publish(
            channel, GOOD_BODY.encode(), UNREADABLE[name], exchange=b"", routing_key=QUEUE.encode()
        )
        until(lambda: refusals(two) == before + 1, two.asker.turn)
    assert_unharmed(two)


@pytest.mark.parametrize(
    "headers",
    [
        {"eta": "2099-01-01T00:00:00", "expires": CANARY},
        {"timelimit": [CANARY, CANARY]},
        {"retries": CANARY, "group": CANARY, "chord": CANARY, "stamped_headers": [CANARY]},
        {"shadow": CANARY, "argsrepr": CANARY, "root_id": CANARY, "ignore_result": "yes"},
    ],
)
def test_headers_that_change_what_celery_does_are_not_passed_on(
    two: Pair, headers: dict[str, Any]
) -> None:
    before = refusals(two)
    two.asker.broker.channel().basic_publish(written(**headers), routing_key=QUEUE)
    assert_unharmed(two)
    assert refusals(two) == before
