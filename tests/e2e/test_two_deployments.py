"""Two deployments, each with a virtual host of its own, share one Redis and nothing in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pika
import pytest

from connectors.cache import RedisStore, deployment
from daemon.status import snapshot
from tests.e2e.stage import SOURCE, Stage
from tests.servers import redis_client
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES = {f"m-{n}": f"order {n} was late" for n in range(200)}


@pytest.fixture
def stages(stage: Stage, new_vhost: Callable[[], str]) -> Iterator[tuple[Stage, Stage]]:
    """Two empty buses, and one Redis beside them; all else is the same, the secret too."""
    with Stage(stage.env | {"TONEBUS_BROKER_URL": new_vhost()}) as other:
        yield stage, other


def test_equal_messages_of_two_deployments_are_events_of_both(
    stages: tuple[Stage, Stage],
) -> None:
    daemons = []
    for stage in stages:
        daemons.append(stage.start("daemon"))
        stage.start("worker")
        stage.watch()
        # one after the other, so that every mark of the first is there when the second looks
        stage.publish(MESSAGES.items())
        stage.subjects(set(MESSAGES), timeout=120)
        stage.await_empty(SOURCE)
    for stage, daemon in zip(stages, daemons, strict=True):
        assert len(stage.events) == len(MESSAGES)
        assert {event["data"]["cached"] for event in stage.events} == {False}

        until(lambda: len(processes(stage)) >= 2)  # noqa: B023 - called before the next turn
        seen = processes(stage)
        assert len(seen) == 2, "its own daemon and its own worker, and nobody else's"

        assert daemon.stop() == 0
    assert not processes(stages[0]) & processes(stages[1])
    assert kinds(stages[0]) == {b"s", b"m", b"snapshot", b"snapshots"}


def test_one_deployment_knows_its_marks_again_by_any_spelling_of_its_broker(stage: Stage) -> None:
    stage.start("worker")
    daemon = stage.start("daemon")
    stage.watch()
    stage.publish(MESSAGES.items())
    stage.subjects(set(MESSAGES), timeout=120)
    assert daemon.stop() == 0
    url = pika.URLParameters(stage.env["TONEBUS_BROKER_URL"])
    others = (f"amqp://{host}:{url.port}/{url.virtual_host}" for host in ("[::1]", "127.0.0.1"))
    stage.start("daemon", TONEBUS_BROKER_URL=";".join(others))
    stage.publish(MESSAGES.items())
    stage.publish([("last", "at last")])
    stage.subjects({"last"}, timeout=120)
    assert len(stage.events) == len(MESSAGES) + 1


def processes(stage: Stage) -> set[str]:
    """Every process that a deployment's status page sees."""
    store = RedisStore(
        stage.env["TONEBUS_REDIS_URL"], timeout=3,
        deployment=deployment(stage.env["TONEBUS_BROKER_URL"]),
    )  # fmt: skip
    found = snapshot.decode(store.gather(snapshot.INDEX).values())
    return {each.instance for each in found if not isinstance(each, snapshot.HourSnapshot)}


def kinds(stage: Stage) -> set[bytes]:
    """What is kept in Redis, each under `tonebus:`, one of two deployments and its kind."""
    with redis_client(stage.env["TONEBUS_REDIS_URL"]) as client:
        client.connection_pool.connection_kwargs["decode_responses"] = False
        keys = [bytes(key).split(b":") for key in client.scan_iter("tonebus:*")]
    assert len({deployment for _, deployment, *_ in keys}) == 2
    return {kind for _, _, kind, *_ in keys}
