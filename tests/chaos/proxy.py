"""A TCP proxy that can be slow, silent, rude or forgetful, as networks are."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_HOST = "127.0.0.1"
_CHUNK = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards from a port of its own to a port of this host, in a thread of its own.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, target: int) -> None:
        """Listen at once."""
        self.port = 0
        self._target = target
        self._links: set[_Link] = set()
        self._latency = 0.0
        self._sliced = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._open = asyncio.Event()
        self._open.set()
        listening: Future[None] = Future()
        self._thread.start()
        self._do(self._listen(listening))
        listening.result(10)

    def delay(self, seconds: float) -> None:
        """Hold back everything for so long; 0 ends it."""
        self._latency = seconds

    def slice(self, *, on: bool) -> None:
        """Hand over one byte at a time."""
        self._sliced = on

    def hold(self) -> None:
        """Let nothing through, and say nothing: a black hole, until `release`."""
        self._call(self._open.clear)

    def release(self) -> None:
        """Let through what was held, and what comes."""
        self._call(self._open.set)

    def reset(self) -> None:
        """Reset every connection, to both sides."""
        self._call(self._reset)

    def halve(self) -> None:
        """Close every connection to the server's side, and leave the client's open and silent."""
        self._call(self._halve)

    def close(self) -> None:
        """Cut everything and stop listening."""
        self._call(self._loop.stop)
        self._thread.join()
        with contextlib.suppress(RuntimeError):
            self._loop.close()

    def _call(self, function: Callable[[], object]) -> None:
        done = threading.Event()

        def call() -> None:
            function()
            done.set()

        self._loop.call_soon_threadsafe(call)
        done.wait(5)

    def _reset(self) -> None:
        for link in self._links:
            link.reset()

    def _halve(self) -> None:
        for link in self._links:
            link.halve()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._reset()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _listen(self, listening: Future[None]) -> None:
        server = await asyncio.start_server(self._serve, _HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        listening.set_result(None)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._open.wait()
            far_reader, far_writer = await asyncio.open_connection(_HOST, self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, far_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, link), self._pump(far_reader, writer, link)
            )
        except asyncio.CancelledError:
            return
        finally:
            self._links.discard(link)
            link.reset()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: _Link
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._latency:
                    await asyncio.sleep(self._latency)
                await self._open.wait()
                if link.halved:
                    continue
                for piece in self._pieces(data):
                    writer.write(piece)
                    await writer.drain()
        if link.halved:
            return
        # the other end must see the close, whichever end closed first
        with contextlib.suppress(OSError):
            writer.close()

    def _pieces(self, data: bytes) -> list[bytes]:
        return [data[i : i + 1] for i in range(len(data))] if self._sliced else [data]


class _Link:
    """One connection, with both its ends."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._near = near
        self._far = far
        self.halved = False
        for writer in (near, far):
            end: socket.socket = writer.get_extra_info("socket")
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def halve(self) -> None:
        self.halved = True
        self._far.transport.abort()

    def reset(self) -> None:
        for writer in (self._near, self._far):
            end: socket.socket | None = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                if end is not None:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
