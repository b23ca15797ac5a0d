"""What a broker refuses is reported by name, and never with the password."""

from __future__ import annotations

import socket
import struct
import threading
import time
import urllib.parse
import uuid
from typing import TYPE_CHECKING

import amqp
import pytest
from amqp import spec
from amqp.serialization import dumps

from connectors.amqp import topology
from connectors.amqp.bus import Rabbit
from connectors.amqp.connection import Broker, Garbled, Refused
from connectors.amqp.subscription import Subscription
from connectors.errors import Misconfigured, Unavailable
from tests.administration import administration
from tests.brokers import patient_broker
from tests.own.server import free_port
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.amqp.consumer import Ended

SECRET = "s3cret-canary"


def broker(url: str) -> Broker:
    return Broker(url, name="tests", heartbeat=10, connect_timeout=3)


def with_login(url: str, login: str) -> str:
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{login}@{host}").geturl()


def elsewhere(url: str) -> str:
    """The same virtual host at a node that is not there."""
    return urllib.parse.urlsplit(url)._replace(netloc=f"127.0.0.1:{free_port()}").geturl()


@pytest.fixture
def connected(broker_url: str) -> Iterator[Broker]:
    opened = broker(broker_url)
    opened.connect()
    yield opened
    opened.drop()


def test_a_wrong_password_is_refused_and_not_told(broker_url: str) -> None:
    refused = broker(with_login(broker_url, f"guest:{SECRET}"))
    with pytest.raises(Refused, match="ACCESS_REFUSED") as said:
        refused.connect()
    assert SECRET not in str(said.value)
    assert SECRET not in refused.address


def test_a_missing_virtual_host_is_refused_by_name(broker_url: str) -> None:
    missing = urllib.parse.urlsplit(broker_url)._replace(path="/no-such-vhost").geturl()
    with pytest.raises(Refused, match="no-such-vhost"):
        broker(missing).connect()


def test_a_message_that_rabbitmq_cannot_hand_over_is_told_from_a_lost_connection() -> None:
    broker = Broker("amqp://localhost", name="test", heartbeat=0, connect_timeout=1)

    def dying() -> None:
        raise amqp.exceptions.error_for_code(541, "INTERNAL_ERROR", (0, 0), None)

    with pytest.raises(Garbled, match="INTERNAL_ERROR"):
        broker.attempt(dying)


def test_a_limit_on_connections_is_worth_waiting_for(own_broker_url: str) -> None:
    vhost = urllib.parse.urlsplit(own_broker_url).path.removeprefix("/")
    administration().limit_connections(vhost, 0)
    with pytest.raises(Unavailable, match="limit") as said:
        broker(own_broker_url).connect()
    assert not isinstance(said.value, Refused)


def test_where_nothing_listens_is_unavailable_and_not_refused() -> None:
    url = f"amqp://guest:{SECRET}@127.0.0.1:{free_port()}//"
    with pytest.raises(Unavailable, match="does not answer") as said:
        broker(url).connect()
    assert not isinstance(said.value, Refused)
    assert SECRET not in str(said.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not answer: the broker closed"),
        (b"\x01\0\0\0\0\0\x01\0\xce", "does not speak AMQP 0-9-1"),
        (b"\x01\0\0\0\0\0\x04\0\x0a\0\x0a\xce", "does not speak AMQP 0-9-1"),
    ],
    ids=["http", "short", "shorter"],
)
def test_what_speaks_another_protocol_is_unavailable(answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reply() -> None:
            for _ in range(2):
                client, _ = listener.accept()
                with client:
                    client.recv(100)
                    client.sendall(answer)

        threading.Thread(target=reply, daemon=True).start()
        place = f"u:{SECRET}@127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(Unavailable, match=said):
            broker(f"amqp://{place}").connect()
        with pytest.raises(Unavailable, match=r"TLS with RabbitMQ at amqps://u@\S+ failed"):
            broker(f"amqps://{place}").connect()


def test_tls_at_a_port_without_it_is_named(broker_url: str) -> None:
    with pytest.raises(Unavailable, match="that port has no TLS"):
        broker(broker_url.replace("amqp:", "amqps:", 1)).connect()


@pytest.mark.parametrize("linger", [struct.pack("ii", 0, 0), struct.pack("ii", 1, 0)])
def test_a_node_that_closes_within_tls_may_want_a_certificate(linger: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # with a time of 0 s to linger, the end is a reset
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        def close() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1024)

        threading.Thread(target=close, daemon=True).start()
        url = f"amqps://localhost:{listener.getsockname()[1]}//"
        with pytest.raises(Unavailable, match=r"Fix: .* see broker\.cert_file"):
            patient_broker(url, heartbeat=10).connect()


def test_of_several_nodes_each_says_what_was_wrong_with_it(broker_url: str) -> None:
    wrong = with_login(broker_url, f"guest:{SECRET}")
    with pytest.raises(Refused) as said:
        broker(f"{wrong};{elsewhere(broker_url)}").connect()
    assert "ACCESS_REFUSED" in str(said.value)
    assert "does not answer" in str(said.value)
    assert SECRET not in str(said.value)


def test_of_several_urls_the_first_that_answers_serves(broker_url: str) -> None:
    opened = broker(f"{elsewhere(broker_url)};{broker_url}")
    opened.connect()
    assert opened.version.startswith("RabbitMQ ")
    opened.close()


@pytest.mark.parametrize("url", ["redis://localhost", "localhost:5672", "http://x", "amqp://"])
def test_a_url_of_another_kind_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match="amqp://"):
        broker(url)


def test_declaring_twice_changes_nothing(connected: Broker) -> None:
    name = uuid.uuid4().hex
    parts = (
        topology.results(),
        topology.source(name, f"{name}.events", ["#"]),
        topology.scoring([name]),
    )
    topology.apply(connected, *parts)
    topology.apply(connected, *parts)


def test_a_queue_declared_otherwise_is_named_with_the_fix(
    connected: Broker, broker_url: str
) -> None:
    name = uuid.uuid4().hex
    queue = topology.source_queue(name)
    channel = connected.channel()
    connected.attempt(channel.queue_declare, queue, durable=True, auto_delete=False)
    subscription = Subscription(name, f"{name}.events", ("#",))
    edges = Rabbit(broker(broker_url), models=[], subscriptions=[subscription])
    with pytest.raises(Misconfigured) as said:
        edges.open()
    edges.drop()
    assert f"queue '{queue}'" in str(said.value)
    assert "PRECONDITION_FAILED" in str(said.value)
    assert "Fix: " in str(said.value)


def test_an_exchange_declared_otherwise_is_named_with_the_fix(connected: Broker) -> None:
    name = uuid.uuid4().hex
    channel = connected.channel()
    connected.attempt(channel.exchange_declare, name, "direct", durable=True, auto_delete=False)
    with pytest.raises(Misconfigured, match=f"exchange '{name}'.*Fix: "):
        topology.apply(connected, topology.source(name, name, ["#"]))


def test_a_name_that_is_not_permitted_is_told_as_a_matter_of_permission(
    connected: Broker,
) -> None:
    reserved = topology.Topology(exchanges=(topology.Exchange("amq.reserved", "topic"),))
    with pytest.raises(Misconfigured, match=r"exchange 'amq\.reserved'.*permission"):
        topology.apply(connected, reserved)


def test_a_deleted_source_queue_is_noticed(connected: Broker, broker_url: str) -> None:
    name = uuid.uuid4().hex
    subscription = Subscription(name, f"{name}.events", ("#",))
    edges = Rabbit(broker(broker_url), models=[], subscriptions=[subscription])
    edges.open()
    edges.source.start(name)
    connected.attempt(connected.channel().queue_delete, topology.source_queue(name))
    ended: list[Ended] = []

    def turn() -> None:
        edges.wait(1)
        ended.extend(edges.source.ended())

    until(lambda: ended, turn)
    assert [(each.connector, each.reason) for each in ended] == [(name, "deleted")]
    edges.source.start(name)
    found = edges.backlog(topology.source_queue(name))
    assert found
    assert found.messages == 0
    edges.drop()


def test_what_arrives_during_a_call_ends_the_next_sleep(connected: Broker) -> None:
    channel, calls = connected.channel(), connected.channel()
    arrived: list[object] = []
    queue = connected.attempt(channel.queue_declare, "", exclusive=True).queue
    connected.attempt(channel.basic_consume, queue, no_ack=True, callback=arrived.append)
    connected.attempt(channel.basic_publish, amqp.Message(b"!"), routing_key=queue)
    # it comes in while some call waits for its own answer
    until(lambda: connected.attempt(calls.queue_declare, queue, passive=True) and arrived)
    begun = time.monotonic()
    connected.wait(60)
    assert time.monotonic() - begun < 30


def test_a_channel_that_is_closed_twice_ends_once(connected: Broker) -> None:
    channel = connected.channel()
    said: list[tuple[int, str]] = []
    channel.on_broken = lambda *reason: said.append(reason)
    closed = 1, channel.channel_id, dumps("BBBsBB", (*spec.Channel.Close, 406, "held", 0, 0))
    for _ in range(2):
        connected.attempt(connected._connection.on_inbound_frame, closed)
    assert said == [(406, "held")]
