"""Hosts of our own: network namespaces, each with one cable to this host, that can be pulled."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import urllib.parse
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tests.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator


class Host:
    """A network namespace.

    Attributes:
        within: What a command line must start with, to run there.
    """

    def __init__(self, number: int) -> None:
        self._name = f"tonebus-{os.getpid()}-{number}"
        self._cable = f"tb{os.getpid() % 100000}n{number}"
        self._gateway = f"10.213.{number}.1"
        self._number = number
        self.within = ("ip", "netns", "exec", self._name)

    def build(self) -> None:
        """Make it, and plug the cable in."""
        ip("netns", "add", self._name)
        ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self._name)
        ip("address", "add", f"{self._gateway}/30", "dev", self._cable)
        ip("-n", self._name, "address", "add", f"10.213.{self._number}.2/30", "dev", "eth0")
        ip("-n", self._name, "link", "set", "lo", "up")
        ip("-n", self._name, "link", "set", "eth0", "up")
        self.plug()

    def plug(self) -> None:
        """Connect it."""
        ip("link", "set", self._cable, "up")

    def pull(self) -> None:
        """Cut it off: packets vanish, and nobody is told."""
        ip("link", "set", self._cable, "down")

    def remove(self) -> None:
        """Take it away, with its end of the cable."""
        # the kernel takes a namespace away later, and its cable's name would still be in use
        for thing in (("link", "delete", self._cable), ("netns", "delete", self._name)):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip(*thing)

    @contextmanager
    def reaching(self, url: str) -> Iterator[str]:
        """Let it reach a server of this host's loopback; give the URL that it is to use."""
        parts = urllib.parse.urlsplit(url)
        default = {"amqp": 5672, "redis": 6379}[parts.scheme]
        proxy = Proxy(parts.hostname or "localhost", parts.port or default, listen=self._gateway)
        login = parts.netloc.rpartition("@")[0]
        place = f"{self._gateway}:{proxy.port}"
        try:
            yield parts._replace(netloc=f"{login}@{place}" if login else place).geturl()
        finally:
            proxy.close()


def ip(*arguments: str) -> None:
    """Run iproute2's command."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def missing() -> str:
    """Why there can be no hosts here; empty where there can."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if not shutil.which("ip"):
        return "iproute2 is not installed"
    try:
        with hosts(1):
            return ""
    except subprocess.CalledProcessError as error:
        return f"network namespaces: {error.stderr.decode().strip()}"


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Make so many hosts; take them away afterwards."""
    with ExitStack() as stack:
        made = [Host(number) for number in range(1, count + 1)]
        for host in made:
            stack.callback(host.remove)
            host.build()
        yield made
