"""A socket for py-amqp that never blocks and never reads one field at a time.

py-amqp's own transport asks the kernel three times for each frame and writes each frame at once;
a write to a broker that has stopped reading then hangs the whole process, heartbeats included, and
a frame that arrives in part makes it spin. This one reads all there is, writes much at once, at the
latest when the loop comes round, and waits only where it was told for how long.
"""

from __future__ import annotations

import select
import ssl
import time
from contextlib import contextmanager
from struct import Struct
from typing import TYPE_CHECKING, Any

from amqp import spec
from amqp.exceptions import (
    ChannelError,
    RecoverableConnectionError,
    UnexpectedFrame,
    error_for_code,
)
from amqp.transport import SSLTransport, TCPTransport
from kombu.transport import pyamqp

from connectors.amqp.frames import FRAME_END, acknowledged, delivered, publication

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.messages import OutgoingMessage

_HEADER = Struct(">BHI")
_READ_BYTES = 256 * 1024
_WRITE_BYTES = 64 * 1024
"""Some eighty events."""
_RPC_SECONDS = 10.0
_IDLE_SECONDS = 0.5
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class _NonBlocking:
    """What both transports, plain and TLS, share.

    Attributes:
        frames_read: How many were handed on so far.
        on_idle: Called twice a second while a call waits for its answer: keeps the heartbeat.
    """

    sock: Any
    frames_read = 0
    on_idle: Callable[[], object] | None = None

    def _setup_transport(self) -> None:
        super()._setup_transport()  # type: ignore[misc]  # py-amqp's, beside us in the order
        self._inbox = b""
        self._read = 0
        self._outbox = bytearray()
        self._flush_at = _WRITE_BYTES
        self._patience = _RPC_SECONDS
        self.sock.setblocking(False)

    @contextmanager
    def having_timeout(self, timeout: float | None) -> Iterator[Any]:
        before = self._patience
        self._patience = _RPC_SECONDS if timeout is None else timeout
        try:
            yield self.sock
        finally:
            self._patience = before

    def write(self, data: bytes) -> None:
        self._outbox += data
        # RabbitMQ works on these while more are made
        if len(self._outbox) >= self._flush_at:
            self.flush()

    def read_frame(self, _unpack: object = None) -> tuple[int, int, bytes]:
        """Return the next whole frame: type, channel and payload.

        Raises:
            TimeoutError: It did not arrive in time; what did arrive is kept.
            OSError: The connection is gone.
        """
        until = 0.0
        while not self._whole():
            if not self._receive():
                until = until or time.monotonic() + self._patience
                left = until - time.monotonic() if self._patience else 0.0
                if left <= 0:
                    raise TimeoutError("no frame in time")
                if not self.wait(min(left, _IDLE_SECONDS)) and self.on_idle:
                    self.on_idle()
                self.flush()
        kind, channel, size = _HEADER.unpack_from(self._inbox, self._read)
        start = self._read + _HEADER.size
        end = start + size
        if self._inbox[end] != FRAME_END:
            raise UnexpectedFrame(f"frame ends with {self._inbox[end]:#04x}, not 0xce")
        payload = self._inbox[start:end]
        self._read = end + 1
        self.frames_read += 1
        return kind, channel, payload

    @property
    def buffered(self) -> bool:
        """Whether bytes wait here that no select on the socket would show."""
        # a TLS record may be decrypted already, with nothing left on the socket
        decrypted = self.sock.pending() if isinstance(self.sock, ssl.SSLSocket) else 0
        return len(self._inbox) > self._read or bool(decrypted)

    def flush(self) -> None:
        """Hand the kernel as much of what was written as it takes now."""
        while self._outbox:
            try:
                sent = self.sock.send(self._outbox)
            except _WOULD_BLOCK:
                break
            del self._outbox[:sent]
        # where the kernel takes no more, it is asked again only after as much again
        self._flush_at = len(self._outbox) + _WRITE_BYTES

    def wait(self, timeout: float, *others: int) -> bool:
        """Sleep until the socket, or another file descriptor, is ready, or the seconds are over."""
        self.flush()
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | (select.POLLOUT if self._outbox else 0))
        for other in others:
            poll.register(other, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def _whole(self) -> bool:
        there = len(self._inbox) - self._read - _HEADER.size
        return there >= 0 and there > _HEADER.unpack_from(self._inbox, self._read)[2]

    def _receive(self) -> bool:
        try:
            data = self.sock.recv(_READ_BYTES)
        except _WOULD_BLOCK:
            return False
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        self._inbox = self._inbox[self._read :] + data
        self._read = 0
        return True


class _PlainSocket(_NonBlocking, TCPTransport):
    pass


class _TlsSocket(_NonBlocking, SSLTransport):
    pass


class _Channel(pyamqp.Channel):
    """A channel that calls its owner when RabbitMQ closes it.

    py-amqp would open it again by itself, in the middle of reading, with its consumers gone and
    its delivery tags starting over.

    Attributes:
        on_broken: Takes the reply code and text; the channel is void then. Without it, or while
            a call waits for its answer, the call raises.
    """

    on_broken: Callable[[int, str], object] | None = None

    def publish(self, outgoing: OutgoingMessage) -> None:
        """Publish a persistent message, as `basic_publish` does, in a third of its time."""
        connection = self.connection
        if connection is None:
            raise RecoverableConnectionError("connection already closed")
        frames = publication(self.channel_id, outgoing, connection.frame_max)
        connection.transport.write(frames)
        # tells the heartbeat that none needs to be sent
        connection.bytes_sent += 1

    def dispatch_method(self, method_sig: Any, payload: bytes, content: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        """Dispatch what comes with every message without interpreting formats; all else as ever."""
        if self._pending or self.is_closing:
            super().dispatch_method(method_sig, payload, content)
        elif method_sig == spec.Basic.Ack:
            self._on_basic_ack(*acknowledged(payload))
        elif method_sig == spec.Basic.Deliver:
            self._on_basic_deliver(*delivered(payload), content)
        else:
            super().dispatch_method(method_sig, payload, content)

    def _on_basic_cancel(self, consumer_tag: str) -> None:
        # one that crossed our own cancel, and names a consumer that is gone, is no error
        if consumer_tag in self.callbacks:
            super()._on_basic_cancel(consumer_tag)

    def _on_close(self, reply_code: int, reply_text: str, class_id: int, method_id: int) -> None:
        self.send_method(spec.Channel.CloseOk)
        if self.is_closing or self.connection.is_closing:
            return
        waited_for = bool(self._pending)
        self.collect()
        if self.on_broken and not waited_for:
            self.on_broken(reply_code, reply_text)
            return
        raise error_for_code(reply_code, reply_text, (class_id, method_id), ChannelError)


class _Connection(pyamqp.Connection):
    Channel = _Channel

    def on_inbound_method(self, channel_id: int, method_sig: Any, *args: Any) -> None:  # noqa: ANN401 - py-amqp has no types
        # up to 4.2 RabbitMQ closes one that is held too long once more at each look, until answered
        if method_sig == spec.Channel.Close and channel_id not in (self.channels or ()):
            return
        super().on_inbound_method(channel_id, method_sig, *args)

    def Transport(  # noqa: N802 - py-amqp's hook, under its name
        self, host: str, connect_timeout: float, ssl: bool | dict[str, Any] = False,
        read_timeout: float | None = None, write_timeout: float | None = None,
        socket_settings: dict[int, int] | None = None,
    ) -> _NonBlocking:  # fmt: skip
        kind = _TlsSocket if ssl else _PlainSocket
        return kind(
            host, connect_timeout=connect_timeout, ssl=ssl, read_timeout=read_timeout,
            write_timeout=write_timeout, socket_settings=socket_settings,
        )  # fmt: skip


class Transport(pyamqp.Transport):
    """kombu's pyamqp transport over the sockets above."""

    Connection = _Connection
