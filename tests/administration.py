"""Virtual hosts and users at the broker under test: by its management API, or by `rabbitmqctl`."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import shutil
import subprocess
import urllib.parse
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tests.servers import BROKER_URL, LOOPBACK, ServerMissingError, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TIMEOUT = 30.0
_CTL_TIMEOUT = 300.0
_USERS = "rabbit_auth_backend_internal"

ALL = (".*", ".*", ".*")

MANAGEMENT_URL = os.environ.get("TEST_RABBITMQ_MANAGEMENT", "")
"""Where the management API of TONEBUS_BROKER_URL listens, if not on port 15672 of its host."""


class Administration(Protocol):
    """What an administrator may do."""

    def __hash__(self) -> int: ...
    def vhosts(self) -> list[str]: ...
    def add_vhosts(self, names: Sequence[str]) -> None: ...
    def delete_vhosts(self, names: Sequence[str]) -> None: ...
    def add_user(self, name: str, password: str) -> None: ...
    def delete_user(self, name: str) -> None: ...

    def permit(self, vhost: str, user: str, rights: tuple[str, str, str] = ALL) -> None:
        """Set a user's rights in a virtual host: to configure, to write and to read."""
        ...

    def permit_topics(self, vhost: str, user: str, exchange: str, write: str) -> None:
        """Set the routing keys under which a user may publish to a topic exchange."""
        ...

    def limit_connections(self, vhost: str, most: int) -> None: ...


def definitions(vhosts: Sequence[str], user: str, policies: Sequence[dict[str, Any]] = ()) -> str:
    """Return what `rabbitmqctl import_definitions` reads to make virtual hosts for a user."""
    rights = dict(zip(("configure", "write", "read"), ALL, strict=True))
    return json.dumps({
        "vhosts": [{"name": name} for name in vhosts],
        "permissions": [{"user": user, "vhost": name, **rights} for name in vhosts],
        "policies": [{"vhost": name, **policy} for name in vhosts for policy in policies],
    })  # fmt: skip


class _Ctl(NamedTuple):
    """What `rabbitmqctl` does, which only root may, beside the server."""

    user: str

    def vhosts(self) -> list[str]:
        return _rabbitmqctl("list_vhosts", "name").split()

    def add_vhosts(self, names: Sequence[str]) -> None:
        for name in names:
            _call("rabbit_vhost", "add", name)
            self.permit(name, self.user)

    def delete_vhosts(self, names: Sequence[str]) -> None:
        for name in names:
            _call("rabbit_vhost", "delete", name)

    def add_user(self, name: str, password: str) -> None:
        _call(_USERS, "add_user", name, password)

    def delete_user(self, name: str) -> None:
        _call(_USERS, "delete_user", name)

    def permit(self, vhost: str, user: str, rights: tuple[str, str, str] = ALL) -> None:
        _call(_USERS, "set_permissions", user, vhost, *rights)

    def permit_topics(self, vhost: str, user: str, exchange: str, write: str) -> None:
        _call(_USERS, "set_topic_permissions", user, vhost, exchange, write, ".*")

    def limit_connections(self, vhost: str, most: int) -> None:
        _call("rabbit_vhost_limit", "parse_set", vhost, json.dumps({"max-connections": most}))


def _call(module: str, function: str, *texts: str) -> None:
    """Call a function of the server's, with texts and with who does it.

    `rabbitmqctl` calls the same, but starts an Erlang node for it, which takes far longer.
    """
    # what is ASCII, Erlang writes as JSON does
    given = ", ".join(f"<<{json.dumps(text)}>>" for text in (*texts, "tests"))
    expression = f"{module}:{function}({given}).\n"
    program, *node, home = _erl_call()
    # by its own choice two callers in one second would have one name
    name = f"tonebus-test-{uuid.uuid4().hex}"
    with contextlib.suppress(FileNotFoundError):
        done = subprocess.run(
            [program, *node, "-h", name, "-e"], check=False, capture_output=True, text=True,
            input=expression, timeout=_CTL_TIMEOUT, env={"HOME": home},
        )  # fmt: skip
        if done.stdout.startswith("{ok,"):
            return
        if done.returncode == 0:
            raise ValueError(f"{expression} {done.stdout}")
    # it is not installed, or on a busy machine the server did not answer soon enough
    _rabbitmqctl("eval", expression)


@functools.cache
def _erl_call() -> list[str]:
    """Return the program that calls a function, how it finds the server, and the cookie's place."""
    told = _rabbitmqctl(
        "eval",
        "{ok, [[Home]]} = init:get_argument(home), "
        'lists:concat([code:root_dir(), "/bin/erl_call ", node(), " ", Home]).',
    )
    program, node, home = told.strip().strip('"').split()
    return [program, "-name" if "." in node else "-sname", node, home]


def _rabbitmqctl(*arguments: str) -> str:
    done = subprocess.run(
        ["rabbitmqctl", "--silent", *arguments], check=True, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=_CTL_TIMEOUT,
    )  # fmt: skip
    return done.stdout


class _Management(NamedTuple):
    """The management API."""

    url: str
    user: str
    password: str

    def vhosts(self) -> list[str]:
        return [vhost["name"] for vhost in json.loads(self._ask("GET", "vhosts"))]

    def add_vhosts(self, names: Sequence[str]) -> None:
        for name in names:
            self._ask("PUT", "vhosts", name)
            self.permit(name, self.user)

    def delete_vhosts(self, names: Sequence[str]) -> None:
        for name in names:
            self._ask("DELETE", "vhosts", name)

    def add_user(self, name: str, password: str) -> None:
        self._ask("PUT", "users", name, body={"password": password, "tags": ""})

    def delete_user(self, name: str) -> None:
        self._ask("DELETE", "users", name)

    def permit(self, vhost: str, user: str, rights: tuple[str, str, str] = ALL) -> None:
        body = dict(zip(("configure", "write", "read"), rights, strict=True))
        self._ask("PUT", "permissions", vhost, user, body=body)

    def permit_topics(self, vhost: str, user: str, exchange: str, write: str) -> None:
        body = {"exchange": exchange, "write": write, "read": ".*"}
        self._ask("PUT", "topic-permissions", vhost, user, body=body)

    def limit_connections(self, vhost: str, most: int) -> None:
        self._ask("PUT", "vhost-limits", vhost, "max-connections", body={"value": most})

    def _ask(self, method: str, *path: str, body: dict[str, Any] | None = None) -> bytes:
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = urllib.request.Request(
            "/".join((f"{self.url}/api", *(urllib.parse.quote(each, safe="") for each in path))),
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as reply:
            read: bytes = reply.read()
        return read


FAILURES = (OSError, ValueError, subprocess.SubprocessError)
"""What an administration raises where it cannot be had."""


def ways(url: str = BROKER_URL) -> Iterator[Administration]:
    """Yield the ways to administer the broker behind a URL that may be open to us."""
    parts = urllib.parse.urlsplit(url)
    user = urllib.parse.unquote(parts.username or "guest")
    password = urllib.parse.unquote(parts.password or "guest")
    if MANAGEMENT_URL:
        yield _Management(MANAGEMENT_URL, user, password)
        return
    if parts.hostname in LOOPBACK and os.geteuid() == 0 and shutil.which("rabbitmqctl"):
        yield _Ctl(user)
    yield _Management(f"http://{parts.hostname or 'localhost'}:15672", user, password)


@functools.cache
def administration(url: str = BROKER_URL) -> Administration:
    """Return the first way that is open to us.

    Raises:
        ServerMissingError: None is.
    """
    for way in ways(url):
        try:
            way.vhosts()
        except FAILURES:
            continue
        return way
    raise ServerMissingError(
        f"RabbitMQ at {shown(url)}: no virtual hosts and users can be made for the tests; run them "
        "as root beside the server, or enable its management plugin"
    )
