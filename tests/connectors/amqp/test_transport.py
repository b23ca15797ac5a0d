"""The socket beneath py-amqp: whole frames whatever the pieces, and no call that hangs."""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest
from amqp.exceptions import UnexpectedFrame

from connectors.amqp.connection import Broker
from connectors.amqp.publisher import Sink
from connectors.amqp.transport import _PlainSocket
from connectors.errors import Unavailable
from connectors.messages import OutgoingMessage
from tests.proxy import proxied
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

BOUNDED_SECONDS = 5.0
"""Generous: the machine may be busy. What these tests catch never ends."""
BIG = b"x" * 1024 * 1024


def frame(payload: bytes, kind: int = 1, channel: int = 7) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


@pytest.fixture
def ends() -> Iterator[tuple[_PlainSocket, socket.socket]]:
    """Our transport, and the socket at its other end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ours = _PlainSocket(f"127.0.0.1:{port}", connect_timeout=5)
        ours.connect()
        theirs, _ = listener.accept()
        with theirs:
            ours.flush()
            assert theirs.recv(8) == b"AMQP\x00\x00\x09\x01"
            yield ours, theirs
            ours.close()


def test_a_frame_split_at_any_byte_is_read_whole(
    ends: tuple[_PlainSocket, socket.socket],
) -> None:
    ours, theirs = ends
    both = frame(b"first") + frame(b"", kind=8, channel=0)
    for at in range(1, len(both)):
        theirs.sendall(both[:at])
        found = []
        with ours.having_timeout(0):
            until(lambda: ours.wait(1))
            while True:
                try:
                    found.append(ours.read_frame())
                except TimeoutError:
                    break
        theirs.sendall(both[at:])
        while len(found) < 2:
            found.append(ours.read_frame())
        assert found == [(1, 7, b"first"), (8, 0, b"")]
        assert not ours.buffered


def test_many_frames_in_one_piece_are_read_one_by_one(
    ends: tuple[_PlainSocket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.sendall(b"".join(frame(b"%d" % n) for n in range(1000)))
    assert [ours.read_frame()[2] for _ in range(1000)] == [b"%d" % n for n in range(1000)]


def test_a_frame_of_a_megabyte_is_read_whole(ends: tuple[_PlainSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.setblocking(False)
    rest = frame(BIG)
    found: list[bytes] = []

    def turn() -> None:
        nonlocal rest
        try:
            rest = rest[theirs.send(rest) :] if rest else rest
            with ours.having_timeout(0.01):
                found.append(ours.read_frame()[2])
        except (BlockingIOError, TimeoutError):
            return

    until(lambda: found, turn)
    assert found == [BIG]


def test_what_is_no_frame_is_refused(ends: tuple[_PlainSocket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.sendall(frame(b"first")[:-1] + b"\0")
    with pytest.raises(UnexpectedFrame):
        ours.read_frame()


def test_a_closed_connection_is_an_error_at_once(
    ends: tuple[_PlainSocket, socket.socket],
) -> None:
    ours, theirs = ends
    theirs.close()
    with pytest.raises(ConnectionResetError):
        ours.read_frame()


def test_writing_to_a_peer_that_does_not_read_never_blocks(
    ends: tuple[_PlainSocket, socket.socket],
) -> None:
    ours, theirs = ends
    begun = time.monotonic()
    for _ in range(64):
        ours.write(BIG)
        ours.flush()
    assert not ours.wait(0.05)
    assert time.monotonic() - begun < BOUNDED_SECONDS
    # and all of it arrives, once the peer reads again
    theirs.setblocking(False)
    received = 0

    def turn() -> None:
        nonlocal received
        ours.flush()
        try:
            received += len(theirs.recv(1 << 20))
        except BlockingIOError:
            return

    until(lambda: received == 64 * len(BIG), turn)


def test_a_broker_that_dribbles_byte_by_byte_is_understood(broker_url: str) -> None:
    with proxied(broker_url) as (proxy, url):
        proxy.piece = 1
        broker = connected(url)
        channel = broker.channel()
        queue = broker.attempt(channel.queue_declare, "", exclusive=True).queue
        bodies = []
        broker.attempt(channel.basic_consume, queue, callback=lambda m: bodies.append(m.body))
        sink: Sink[int] = Sink(broker)
        for n in range(20):
            sink.publish(OutgoingMessage("", queue, b"%d" % n * 50, {}), n)
        until(lambda: len(bodies) == 20 and not sink.unconfirmed, lambda: broker.wait(0.1))
        assert bodies == [b"%d" % n * 50 for n in range(20)]
        broker.close()


def test_a_broker_that_stops_reading_does_not_block_us(broker_url: str) -> None:
    with proxied(broker_url) as (proxy, url):
        broker = connected(url)
        sink: Sink[int] = Sink(broker, [""])
        channel = broker.channel()
        queue = broker.attempt(channel.queue_declare, "", exclusive=True).queue
        proxy.stalled.set()
        begun = time.monotonic()
        for n in range(20):
            sink.publish(OutgoingMessage("", queue, BIG, {}), n)
            broker.wait(0.01)
        assert time.monotonic() - begun < BOUNDED_SECONDS
        assert sink.outcomes() == []
        proxy.stalled.clear()
        until(lambda: not sink.unconfirmed, lambda: broker.wait(0.1))
        assert sorted(each.token for each in sink.outcomes()) == list(range(20))
        broker.close()


def test_a_connection_that_is_cut_is_unavailable(broker_url: str) -> None:
    with proxied(broker_url) as (proxy, url):
        broker = connected(url)
        proxy.cut()
        with pytest.raises(Unavailable):
            until(lambda: False, lambda: broker.wait(1))
        broker.drop()


def test_an_answer_that_never_comes_ends_in_unavailable(
    broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.amqp.transport._RPC_SECONDS", 0.3)
    with proxied(broker_url) as (proxy, url):
        broker = connected(url)
        proxy.stalled.set()
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            broker.channel()
        assert time.monotonic() - begun < BOUNDED_SECONDS
        broker.drop()


def connected(url: str) -> Broker:
    broker = Broker(url, name="tests", heartbeat=10, connect_timeout=5)
    broker.connect()
    return broker
