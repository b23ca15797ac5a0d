"""A TCP proxy between us and a real server, that can dribble, stall and cut."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Proxy:
    """Forwards connections to a server.

    Attributes:
        port: Where it listens; on the loopback, unless told otherwise.
        piece: Bytes handed to the client at a time; 0 hands over all there is.
        stalled: While set, nothing is read from either side.
        connections: How many clients have come.
        longest_silence: Seconds for which a client sent nothing, at most.
    """

    def __init__(self, host: str, port: int, *, listen: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._listener = socket.create_server((listen, 0))
        self.port: int = self._listener.getsockname()[1]
        self.piece = 0
        self.stalled = threading.Event()
        self.connections = 0
        self.longest_silence = 0.0
        self._ended = threading.Event()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """Cut every connection."""
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it, with every connection."""
        self._ended.set()
        self._listener.close()
        self.cut()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self.connections += 1
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.append((client, server))
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        spoke = time.monotonic()
        with client, server, contextlib.suppress(OSError):
            while not self._ended.is_set():
                if self.stalled.is_set():
                    self._ended.wait(0.01)
                    continue
                for end in select.select([client, server], [], [], 0.05)[0]:
                    data = end.recv(65536)
                    if not data:
                        return
                    if end is client:
                        silent, spoke = time.monotonic() - spoke, time.monotonic()
                        self.longest_silence = max(self.longest_silence, silent)
                        server.sendall(data)
                        continue
                    step = self.piece or len(data)
                    for at in range(0, len(data), step):
                        client.sendall(data[at : at + step])


@contextmanager
def proxied(url: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy before a server, and the URL that leads through it."""
    parts = urllib.parse.urlsplit(url)
    proxy = Proxy(parts.hostname or "localhost", parts.port or 5672)
    login = parts.netloc.rpartition("@")[0]
    netloc = f"{login}@127.0.0.1:{proxy.port}" if login else f"127.0.0.1:{proxy.port}"
    try:
        yield proxy, parts._replace(netloc=netloc).geturl()
    finally:
        proxy.close()
