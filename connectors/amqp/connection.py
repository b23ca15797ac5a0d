"""One connection to RabbitMQ, driven by one thread."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any

import amqp
import structlog

from connectors.amqp.frames import tolerant
from connectors.amqp.nodes import NodeConnection, login_method, nodes, tls_options
from connectors.amqp.transport import Transport
from connectors.amqp.unreachable import unavailable
from connectors.errors import Unavailable
from connectors.tls import SYSTEM_TRUST, Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TICK_SECONDS = 1.0
_LIMIT = "is reached"
"""RabbitMQ ends so what it says of a limit on connections, of a virtual host, user or node."""
_BENEATH = {__name__, Transport.__module__, tolerant.__module__}
"""What every frame goes through."""
_log = structlog.get_logger(__name__)


class Refused(Unavailable):
    """The broker answered, and said no: credentials, virtual host or permissions are wrong."""

    @property
    def fix(self) -> str:
        """What to do about it."""
        if "exclusive" in str(self):
            return "another client has the queue to itself: end that one, or name another queue"
        if "EXTERNAL" in str(self):
            return "RabbitMQ needs a user with the name that it takes from broker.cert_file"
        return "check the user, password, virtual host and permissions of [broker] url"


class Garbled(Unavailable):
    """A frame that the parser cannot read, or a message that RabbitMQ cannot put into one."""


class Broker:
    """Connects, waits and keeps the heartbeat; knows nothing of queues or messages.

    Not thread-safe. After any `Unavailable` it must be closed and connected again.

    Attributes:
        blocked: Whether the broker has asked publishers to wait (a memory or disk alarm).
    """

    def __init__(
        self, url: str, *, name: str, heartbeat: int, connect_timeout: float,
        tls: Tls = SYSTEM_TRUST, external: bool = False,
    ) -> None:  # fmt: skip
        """Parse the URLs; connect nothing yet.

        Args:
            url: One or several AMQP URLs, separated by `;`.
            name: What RabbitMQ's own tools call the connection.
            heartbeat: Seconds.
            connect_timeout: Seconds for one URL.
            tls: What `amqps://` trusts, and what it shows of us.
            external: Whether the client certificate is the login, in the password's place.

        Raises:
            WrongUrl: No connection can be made of a URL.
        """
        options: dict[str, Any] = {
            "client_properties": {"connection_name": name}, "frame_handler": tolerant
        }  # fmt: skip
        self._clients = [
            (
                node.address,
                NodeConnection(
                    node.url,
                    transport=Transport,
                    heartbeat=heartbeat,
                    connect_timeout=connect_timeout,
                    ssl=tls_options(node, tls) or False,
                    login_method=login_method(external=external),
                    transport_options=options,
                ),
            )
            for node in nodes(url)
        ]
        self._connection: Any = None
        self.blocked = False
        self._ticked = 0.0
        self._frames_seen = 0

    @property
    def address(self) -> str:
        """Where it connects to, without the password."""
        return ";".join(address for address, _ in self._clients)

    def connect(self) -> None:
        """Try each URL once, in turn.

        Raises:
            Refused: A broker answered and refused, and none took us.
            Unavailable: None answered.
        """
        failures: list[Unavailable] = []
        for address, client in self._clients:
            try:
                self._connection = client.transport.establish_connection()
            except amqp.exceptions.AMQPError as error:
                said = (getattr(error, "reply_text", "") or type(error).__name__).rstrip(".")
                # others may close theirs: to ask again is not in vain
                kind = Unavailable if said.endswith(_LIMIT) else Refused
                failures.append(kind(f"RabbitMQ at {address} refused: {said}"))
            except Exception as error:  # noqa: BLE001 - sockets', TLS's, or a parser's that met another protocol
                failures.append(unavailable(address, error))
            else:
                self._connection.on_blocked = lambda _reason: self._set_blocked(True)
                self._connection.on_unblocked = lambda: self._set_blocked(False)
                self._connection.on_inbound_frame = _guarded(self._connection.on_inbound_frame)
                self._connection.transport.on_idle = self._connection.heartbeat_tick
                # py-amqp would look for a blocked event before each publish; the loop looks anyway
                self._connection.client_properties["capabilities"] = {}
                self.blocked = False
                return
        refused = any(isinstance(each, Refused) for each in failures)
        cause = failures[-1].__cause__
        raise (Refused if refused else Unavailable)("; ".join(map(str, failures))) from cause

    @property
    def version(self) -> str:
        """The server's product and version."""
        properties = self._connection.server_properties
        return f"{properties.get('product', '?')} {properties.get('version', '?')}"

    def channel(self) -> Any:  # noqa: ANN401 - py-amqp has no types
        return self.attempt(self._connection.channel)

    def attempt(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever py-amqp returns
        """Make one call of py-amqp's, and raise its failures as our own errors.

        Raises:
            Refused: The broker closed the channel on us: something is declared otherwise, is
                missing or is not permitted.
            Unavailable: The connection is lost.
            Garbled: A frame that came meanwhile cannot be read, or RabbitMQ failed to make it.
        """
        try:
            return call(*args, **kwargs)
        except amqp.exceptions.ChannelError as error:
            raise Refused(error.reply_text or str(error)) from error
        except TimeoutError as error:
            raise Unavailable("RabbitMQ did not answer in time") from error
        except amqp.exceptions.InternalError as error:
            raise Garbled(
                "RabbitMQ ended the connection with INTERNAL_ERROR, as it does over a message with "
                "properties that AMQP 0-9-1 does not have; its log says more"
            ) from error
        except amqp.Connection.connection_errors as error:
            raise Unavailable(f"connection to RabbitMQ lost: {error}") from error
        except AttributeError as error:
            # py-amqp raises it where a connection vanished under a call; else it is a bug
            if getattr(self._connection, "connected", False):
                raise
            raise Unavailable("connection to RabbitMQ lost") from error

    def wait(self, timeout: float, *others: int) -> None:
        """Send what was written, sleep until something arrives, and dispatch all that did.

        The other file descriptors end the sleep as well.
        """
        self.attempt(self._wait, timeout, others)

    def flush(self) -> None:
        """Send as much of what was written as the kernel takes now."""
        self.attempt(self._connection.transport.flush)

    def _wait(self, timeout: float, others: Sequence[int]) -> None:
        transport = self._connection.transport
        # a call that waited for its own answer has dispatched whatever came before it, and nobody
        # has looked at that yet
        if transport.buffered or transport.frames_read != self._frames_seen:
            transport.flush()
        else:
            transport.wait(timeout, *others)
        self._dispatch()
        transport.flush()
        now = time.monotonic()
        if now - self._ticked >= _TICK_SECONDS:
            self._ticked = now
            self._connection.heartbeat_tick()
        self._frames_seen = transport.frames_read

    def _dispatch(self) -> None:
        """Hand py-amqp every whole frame that is there, as its `drain_events` does one by one."""
        connection = self._connection
        with connection.transport.having_timeout(0):
            while True:
                try:
                    frame = connection.transport.read_frame()
                except TimeoutError:
                    return
                connection.on_inbound_frame(frame)

    def close(self) -> None:
        """Let go of the connection, politely where it still answers."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.close()
        except Exception:  # noqa: BLE001 - it is being thrown away, whatever state it is in
            connection.collect()

    def drop(self) -> None:
        """Cut the connection without a word, as one must after a publish went wrong."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.collect()

    def _set_blocked(self, blocked: bool) -> None:
        self.blocked = blocked
        if blocked:
            _log.warning("publishing_blocked", fix="RabbitMQ is short of memory or disk space")
        else:
            _log.info("publishing_unblocked")


def body_of(message: Any) -> bytes:  # noqa: ANN401 - py-amqp gives bytes, or str for an empty body
    """Return the body of a message as it was published."""
    return message.body.encode() if isinstance(message.body, str) else bytes(message.body)


def _guarded(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return py-amqp's reader of frames, with one error for whatever it cannot read.

    Only here, where a frame is read, is an unknown error the sender's. One that a call of ours
    raises is ours, and so is one of a listener of ours, unless it looks at a delivery.
    """

    def on_frame(frame: Any) -> Any:  # noqa: ANN401 - py-amqp has no types
        try:
            return read(frame)
        except (amqp.exceptions.FrameSyntaxError, amqp.exceptions.UnexpectedFrame) as error:
            raise Garbled(f"unreadable frame: {type(error).__name__}") from error
        except (amqp.exceptions.AMQPError, OSError, Unavailable):
            raise
        except Exception as error:
            if _of_a_listener(error):
                raise
            raise Garbled(f"unreadable frame: {type(error).__name__}") from error

    return on_frame


def _ours(module: str) -> bool:
    return module.startswith("connectors.") and module not in _BENEATH


def _of_a_listener(error: Exception) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    names = [each.f_code.co_name for each in frames if _ours(each.f_globals["__name__"])]
    return bool(names) and "_on_delivery" not in names
