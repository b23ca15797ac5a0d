"""What is there is found with the least rights, on every version, and nothing is changed by it."""

from __future__ import annotations

import urllib.parse
import uuid
from typing import TYPE_CHECKING

import amqp
import pytest

from connectors.amqp.connection import Broker, Refused
from connectors.amqp.features import features
from connectors.amqp.presence import backlog, exists
from tests.administration import administration
from tests.brokers import patient_broker
from tests.servers import ServerMissingError, check_broker
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    As = Callable[[str, str, str], Broker]

NOTHING = "^$"


def connected(url: str) -> Broker:
    broker = patient_broker(url)
    broker.connect()
    return broker


@pytest.fixture
def root(own_broker_url: str) -> Iterator[Broker]:
    """All rights; an exchange, a queue and a message in it are there."""
    broker = connected(own_broker_url)
    channel = broker.channel()
    channel.exchange_declare("there", "topic", durable=True, auto_delete=False)
    quorum = {"x-queue-type": "quorum"}
    channel.queue_declare("there", durable=True, auto_delete=False, arguments=quorum)
    channel.basic_publish(amqp.Message(b"1"), routing_key="there")
    broker.wait(0.1)
    until(lambda: backlog(broker, "there") == (1, 0))
    yield broker
    broker.close()


@pytest.fixture
def as_user(own_broker_url: str) -> Iterator[As]:
    """Connect as a user with these rights to configure, to write and to read."""
    try:
        admin = administration()
    except ServerMissingError as error:
        pytest.skip(str(error))
    parts = urllib.parse.urlsplit(own_broker_url)
    made: list[tuple[str, Broker]] = []

    def connect(configure: str, write: str, read: str) -> Broker:
        name = f"tonebus-test-{uuid.uuid4().hex[:8]}"
        admin.add_user(name, "secret")
        admin.permit(parts.path[1:], name, (configure, write, read))
        place = f"{name}:secret@{parts.hostname}:{parts.port or 5672}"
        broker = connected(parts._replace(netloc=place).geturl())
        made.append((name, broker))
        return broker

    yield connect
    for name, broker in made:
        broker.close()
        admin.delete_user(name)


@pytest.mark.usefixtures("root")
def test_who_may_write_to_an_exchange_knows_whether_it_is_there(as_user: As) -> None:
    broker = as_user(NOTHING, "^(there|missing)$", NOTHING)
    assert exists(broker, "exchange", "there")
    assert not exists(broker, "exchange", "missing")


def test_who_may_read_a_queue_knows_whether_it_is_there_and_takes_nothing(
    as_user: As, root: Broker
) -> None:
    broker = as_user(NOTHING, NOTHING, "^(there|missing)$")
    assert exists(broker, "queue", "there")
    assert not exists(broker, "queue", "missing")
    message = root.channel().basic_get("there")
    assert not message.delivery_info["redelivered"]


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("kind", ["exchange", "queue"])
@pytest.mark.parametrize("name", ["there", "missing"])
def test_who_has_no_right_on_it_is_refused_where_rights_are_asked_for(
    as_user: As, own_broker_url: str, kind: str, name: str
) -> None:
    broker = as_user(NOTHING, NOTHING, NOTHING)
    if features(check_broker(own_broker_url)).passive_needs_right:
        with pytest.raises(Refused, match="ACCESS_REFUSED"):
            exists(broker, kind, name)  # type: ignore[arg-type]  # a literal
        assert backlog(broker, name) is None
    else:
        assert exists(broker, kind, name) == (name == "there")  # type: ignore[arg-type]  # as above


@pytest.mark.usefixtures("root")
def test_a_queue_that_may_be_written_to_shows_its_depth(as_user: As) -> None:
    assert backlog(as_user(NOTHING, "^there$", NOTHING), "there") == (1, 0)
