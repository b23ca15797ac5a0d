"""HTTP by hand, for what no client library would send."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.parse
from typing import NamedTuple, Self

PATIENCE = 30.0


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


class Connection:
    """One connection, kept open from request to request."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port or 80), PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave, whatever was asked."""
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def ask(self, method: str, path: str, content: object = None, **headers: str) -> None:
        """Send a request, and wait for nothing; an underscore in a header's name is a hyphen."""
        body = b"" if content is None else json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            named |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = [f"{method} {path} HTTP/1.1", "Host: tests"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        self.send("\r\n".join([*lines, "\r\n"]).encode() + body)

    def reply(self, method: str = "GET") -> Reply:
        """Read the answer to a request of that method."""
        reply = http.client.HTTPResponse(self._socket, method=method)
        reply.begin()
        return Reply(reply.status, reply.headers, reply.read())

    def get(self, path: str, **headers: str) -> Reply:
        """Ask, and read the answer."""
        self.ask("GET", path, **headers)
        return self.reply()

    def post(self, path: str, content: object, **headers: str) -> Reply:
        """Ask, and read the answer."""
        self.ask("POST", path, content, **headers)
        return self.reply("POST")

    def ended(self) -> bool:
        """Whether the server has closed the connection; waits for it."""
        return not self._socket.recv(1)
