"""A socket for py-amqp that never blocks and never reads one field at a time.

py-amqp's own transport asks the kernel three times for each frame and writes each frame at once;
a write to a broker that has stopped reading then hangs the whole process, heartbeats included, and
a frame that arrives in part makes it spin. This one reads all there is, writes all at once when
the loop comes round, and waits only where it was told for how long.
"""

from __future__ import annotations

import select
import ssl
import struct
import time
from contextlib import contextmanager
from struct import Struct
from typing import TYPE_CHECKING, Any

from amqp import spec
from amqp.basic_message import Message
from amqp.exceptions import ChannelError, UnexpectedFrame, error_for_code
from amqp.method_framing import frame_handler
from amqp.transport import SSLTransport, TCPTransport
from kombu.transport import pyamqp

from connectors.parking.headers import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEADER = Struct(">BHI")
_FRAME_END = 0xCE
_METHOD_FRAME, _HEADER_FRAME = 1, 2
_PROPERTY_FLAGS = 12
_INSTEAD = (
    b"\x20\x00" + struct.pack(">IB", len(UNREADABLE) + 3, len(UNREADABLE))
    + UNREADABLE.encode() + b"t\x01"
)  # fmt: skip
_DELIVER, _GET_OK = b"\x00\x3c\x00\x3c", b"\x00\x3c\x00\x47"
_TAG_BYTES = 9
"""Delivery tag and the flag of a redelivery."""
_READ_BYTES = 256 * 1024
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
        self._inbox = bytearray()
        self._outbox = bytearray()
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

    def read_frame(self, _unpack: object = None) -> tuple[int, int, bytes]:
        """Return the next whole frame: type, channel and payload.

        Raises:
            TimeoutError: It did not arrive in time; what did arrive is kept.
            OSError: The connection is gone.
        """
        until = time.monotonic() + self._patience
        while len(self._inbox) < _HEADER.size or not self._whole():
            if not self._receive():
                left = until - time.monotonic() if self._patience else 0.0
                if left <= 0:
                    raise TimeoutError("no frame in time")
                if not self.wait(min(left, _IDLE_SECONDS)) and self.on_idle:
                    self.on_idle()
                self.flush()
        kind, channel, size = _HEADER.unpack_from(self._inbox)
        end = _HEADER.size + size
        if self._inbox[end] != _FRAME_END:
            raise UnexpectedFrame(f"frame ends with {self._inbox[end]:#04x}, not 0xce")
        payload = bytes(self._inbox[_HEADER.size : end])
        del self._inbox[: end + 1]
        self.frames_read += 1
        return kind, channel, payload

    @property
    def buffered(self) -> bool:
        """Whether bytes wait here that no select on the socket would show."""
        # a TLS record may be decrypted already, with nothing left on the socket
        decrypted = self.sock.pending() if isinstance(self.sock, ssl.SSLSocket) else 0
        return bool(self._inbox or decrypted)

    def flush(self) -> None:
        """Hand the kernel as much of what was written as it takes now."""
        while self._outbox:
            try:
                sent = self.sock.send(self._outbox)
            except _WOULD_BLOCK:
                return
            del self._outbox[:sent]

    def wait(self, timeout: float, *others: int) -> bool:
        """Sleep until the socket, or another file descriptor, is ready, or the seconds are over."""
        self.flush()
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | (select.POLLOUT if self._outbox else 0))
        for other in others:
            poll.register(other, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def _whole(self) -> bool:
        size: int = _HEADER.unpack_from(self._inbox)[2]
        return len(self._inbox) > _HEADER.size + size

    def _receive(self) -> bool:
        try:
            data = self.sock.recv(_READ_BYTES)
        except _WOULD_BLOCK:
            return False
        if not data:
            raise ConnectionResetError("the broker closed the connection")
        self._inbox += data
        return True


def tolerant(connection: Any, callback: Any) -> Any:  # noqa: ANN401 - py-amqp has no types
    """Return a frame handler for py-amqp that reads messages which py-amqp itself cannot.

    Where their properties cannot be read, they come with the header `UNREADABLE` in place of these.
    Bytes of an exchange's name or a routing key that are not UTF-8 come as question marks.
    """
    handle = frame_handler(connection, callback)

    def on_frame(frame: tuple[int, int, bytes]) -> Any:  # noqa: ANN401 - as above
        kind, channel, payload = frame
        if kind == _METHOD_FRAME:
            return handle((kind, channel, _readable_names(payload)))
        try:
            return handle(frame)
        except Exception:
            if kind != _HEADER_FRAME or _readable(payload):
                raise
            return handle((kind, channel, payload[:_PROPERTY_FLAGS] + _INSTEAD))

    return on_frame


def _readable_names(payload: bytes) -> bytes:
    """Return a method, with names that py-amqp can decode where it brings a message."""
    if payload.startswith(_DELIVER):
        start = len(_DELIVER) + 1 + payload[len(_DELIVER)] + _TAG_BYTES
    elif payload.startswith(_GET_OK):
        start = len(_GET_OK) + _TAG_BYTES
    else:
        return payload
    for _ in range(2):  # exchange and routing key
        end = start + 1 + payload[start]
        name = payload[start + 1 : end]
        try:
            name.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            # as many bytes as before, so that the rest stays where it is
            said = name.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
            payload = payload[: start + 1] + said + payload[end:]
        start = end
    return payload


def _readable(payload: bytes) -> bool:
    try:
        Message().inbound_header(payload)
    except Exception:  # noqa: BLE001 - whatever its parser stumbles over
        return False
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
