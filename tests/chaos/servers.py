"""RabbitMQ and Redis of the chaos run's own, which it may kill, stop and starve.

Each listens on the loopback, on ports that were free, and keeps its data on disk, so that killing
it is a fair test. No other server is touched: the RabbitMQ node even has a port mapper of its own.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.servers import ServerMissingError, check_broker, check_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOST = "127.0.0.1"
_START_SECONDS = 120.0
_SCRIPTS = Path("/usr/lib/rabbitmq/bin")
"""Debian's own `rabbitmqctl` would change to the user of the system's node."""


def free_port() -> int:
    """A port below the range that the kernel gives to clients, so that it stays free in between."""
    while True:
        port = random.randint(20_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((_HOST, port))
                return port


class Server:
    """A server process that can be killed, paused and started again on the same data.

    Attributes:
        url: Where it listens.
    """

    url: str

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.launch()
        deadline = time.monotonic() + _START_SECONDS
        while not self.answers():
            assert self._popen
            code = self._popen.poll()
            if code is not None or time.monotonic() > deadline:
                log = (self.directory / "output.log").read_text(errors="replace")
                raise ServerMissingError(f"{self.directory.name} did not start ({code}):\n{log}")
            time.sleep(0.1)

    def launch(self) -> None:
        """Start it, and do not wait."""
        with (self.directory / "output.log").open("ab") as output:
            self._popen = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def answers(self) -> bool:
        raise NotImplementedError

    def signal(self, number: int) -> None:
        """Send a signal to the server and its children."""
        if self._popen:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)

    def kill(self) -> None:
        """End it without warning."""
        self.signal(signal.SIGKILL)
        if self._popen:
            self._popen.wait()

    def close(self) -> None:
        """End it for good."""
        self.kill()


class OwnRedis(Server):
    """A Redis that appends to a file."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._port = free_port()
        self.url = f"redis://{_HOST}:{self._port}/0"

    def command(self) -> list[str]:
        return [
            _program("redis-server"), "--bind", _HOST, "--port", str(self._port), "--save", "",
            "--appendonly", "yes", "--appendfsync", "everysec",
        ]  # fmt: skip

    def answers(self) -> bool:
        try:
            check_redis(self.url)
        except ServerMissingError:
            return False
        return True


class OwnRabbit(Server):
    """A RabbitMQ node of one."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.url = f"amqp://guest:guest@{_HOST}:{self.port}/%2F"
        self._node = f"tonebus-chaos-{os.getpid()}-{self.port}@localhost"
        self._mapper_port = free_port()
        self._mapper = subprocess.Popen(
            [_program("epmd"), "-port", str(self._mapper_port), "-address", _HOST],
            stdin=subprocess.DEVNULL,
        )
        (directory / "rabbitmq.conf").write_text(
            # a small test must not fill the log directory, nor take the host's last memory
            "loopback_users = none\nlog.console = true\nlog.console.level = warning\n"
            "disk_free_limit.absolute = 50MB\nvm_memory_high_watermark.relative = 0.4\n"
        )
        (directory / "plugins").write_text("[].\n")
        self._listen = free_port()

    def command(self) -> list[str]:
        return [_script("rabbitmq-server")]

    def environment(self) -> dict[str, str]:
        where = str(self.directory)
        return {
            **os.environ,
            "HOME": where,
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": _HOST,
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": f"{where}/rabbitmq.conf",
            "RABBITMQ_DIST_PORT": str(self._listen),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{where}/plugins",
            "RABBITMQ_LOG_BASE": f"{where}/log",
            "RABBITMQ_MNESIA_BASE": f"{where}/mnesia",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": _HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_PID_FILE": f"{where}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
        }

    def answers(self) -> bool:
        try:
            check_broker(self.url)
        except ServerMissingError:
            return False
        return True

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on this node; return what it printed."""
        done = subprocess.run(
            [_script("rabbitmqctl"), "--quiet", *arguments],
            check=True, capture_output=True, text=True, timeout=_START_SECONDS,
            env=self.environment(), cwd=self.directory,
        )  # fmt: skip
        return done.stdout

    def depths(self) -> dict[str, int]:
        """Messages of each queue, ready and unsettled together."""
        lines = self.ctl("list_queues", "--no-table-headers", "name", "messages").splitlines()
        return {name: int(count) for name, count in (line.split("\t") for line in lines)}

    def close(self) -> None:
        super().close()
        self._mapper.kill()
        self._mapper.wait()


@contextmanager
def own_servers(directory: Path) -> Iterator[tuple[OwnRabbit, OwnRedis]]:
    """Both servers, gone with their data when the block ends.

    Raises:
        ServerMissingError: One is not installed, or does not start.
    """
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        broker = OwnRabbit(directory / "rabbitmq")
        stack.callback(broker.close)
        redis = OwnRedis(directory / "redis")
        stack.callback(redis.close)
        broker.launch()
        redis.start()
        broker_wait(broker)
        yield broker, redis


def broker_wait(server: Server, timeout: float = _START_SECONDS) -> None:
    """Wait until a launched server answers."""
    deadline = time.monotonic() + timeout
    while not server.answers():
        if time.monotonic() > deadline:
            raise ServerMissingError(f"{server.directory.name} did not come up in {timeout:g} s")
        time.sleep(0.1)


def _program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise ServerMissingError(f"{name} is not installed")
    return found


def _script(name: str) -> str:
    path = _SCRIPTS / name
    return str(path) if path.exists() else _program(name)


@contextmanager
def servers_or_skip() -> Iterator[None]:
    """Skip a test where RabbitMQ or Redis is not installed; fail it in CI."""
    try:
        yield
    except ServerMissingError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
