"""Callers of `/predict` that ask again as soon as they are answered, in a process of their own.

    python -m bench.callers PORT CONNECTIONS SECONDS SEED DISTINCT SERVER

Raw HTTP/1.1 over asyncio's protocols: a client library would need more time than the API. With
`DISTINCT` 0 every text is new (up to 1,000 a second), else so many take turns. One JSON object
comes out: `Answers`. The server is `tonebus`, or `infinity`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from itertools import cycle
from typing import TYPE_CHECKING, cast

import msgspec

from bench import corpus
from bench.measures import quantiles
from daemon.settings import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_A_SECOND = 1000
_PATIENCE = 30.0


class Answers(msgspec.Struct, frozen=True):
    """What callers got.

    Attributes:
        pace: Answers with status 200 a second.
        errors: Answers with another status, and connections that ended.
        cached: Share of the answers that came from the cache.
        p50: Seconds of the median answer.
        p99: Seconds of the slowest hundredth.
    """

    pace: float
    errors: int
    cached: float
    p50: float
    p99: float


class _Caller(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, requests: Iterator[bytes], end: float) -> None:
        self._requests = requests
        self._end = end
        self._heard = b""
        self._asked = 0.0
        self.seconds: list[float] = []
        self.errors = self.cached = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        now = time.perf_counter()
        if head.startswith(b"HTTP/1.1 200 "):
            self.seconds.append(now - self._asked)
            self.cached += b'"cached":true' in body
        else:
            self.errors += 1
        self._heard = b""
        if now < self._end:
            self._ask()
        else:
            self._finish()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.errors += 1
            self.done.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(next(self._requests))

    def _finish(self) -> None:
        self.done.set_result(None)
        self._transport.close()


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


def _tonebus(text: str) -> bytes:
    return _request(b"/predict", {"text": text})


def _infinity(text: str) -> bytes:
    return _request(b"/classify", {"model": DEFAULT_MODEL.name, "input": [text]})


_SERVERS = {"tonebus": _tonebus, "infinity": _infinity}


def _request(path: bytes, content: object) -> bytes:
    body = msgspec.json.encode(content)
    return (
        b"POST %b HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path, len(body), body)
    )


async def call(
    port: int, connections: int, seconds: float, seed: int, distinct: int, server: str
) -> Answers:
    """Ask for so many seconds, over so many connections."""
    texts = corpus.texts(distinct or int(seconds * _MOST_A_SECOND), seed)
    requests = map(_SERVERS[server], cycle(texts))
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()

    def caller() -> _Caller:
        return _Caller(requests, begun + seconds)

    callers = [
        (await loop.create_connection(caller, "127.0.0.1", port))[1] for _ in range(connections)
    ]
    async with asyncio.timeout(seconds + _PATIENCE):
        await asyncio.gather(*(each.done for each in callers))
    took = time.perf_counter() - begun
    found = [each for each_caller in callers for each in each_caller.seconds]
    median, _, slowest = quantiles(found or [0.0])
    return Answers(
        pace=len(found) / took,
        errors=sum(each.errors for each in callers),
        cached=sum(each.cached for each in callers) / max(1, len(found)),
        p50=median,
        p99=slowest,
    )


def main() -> None:
    port, connections, seconds, seed, distinct, server = sys.argv[1:]
    answers = asyncio.run(
        call(int(port), int(connections), float(seconds), int(seed), int(distinct), server)
    )
    print(msgspec.json.encode(answers).decode())  # noqa: T201 - read by the parent process


if __name__ == "__main__":
    main()
