"""A RabbitMQ node of a test's own, of the version that the tests run against.

It listens on the loopback, on ports that were free, and keeps its data on disk, so that killing it
is a fair test. No other node is touched: it even has a port mapper of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from tests.administration import definitions
from tests.own.installation import installation
from tests.own.server import HOST, START_SECONDS, Server, free_port
from tests.servers import answers, check_broker

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.own.installation import Installation

_CONFIG = """\
loopback_users = none
log.console = true
log.console.level = warning
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.relative = 0.4
"""
"""A small test must not fill the log directory, nor take the host's last memory."""
_VHOSTS_AT_ONCE = 8


class Address(msgspec.Struct, frozen=True):
    """Where a node listens, and what it is called."""

    name: str
    port: int
    management: int
    mapper: int
    distribution: int

    @classmethod
    def free(cls) -> Address:
        """Return ports that are free, and a name that no other node has."""
        port = free_port()
        return cls(
            f"tonebus-{os.getpid()}-{port}@localhost", port, free_port(), free_port(), free_port()
        )


class OwnRabbit(Server):
    """A RabbitMQ node of one.

    Attributes:
        management_url: Where its management API listens, if it was asked for.
    """

    def __init__(
        self, directory: Path, *, version: Installation | None = None, management: bool = False,
        config: str = "", erlang: str = "", address: Address | None = None,
        policies: Sequence[dict[str, Any]] = (),
    ) -> None:  # fmt: skip
        """Lay out its directory; start nothing yet.

        Args:
            directory: Where it keeps its data; must not exist.
            version: Whose programs it runs; by default those that the tests run against.
            management: Whether it has the management API.
            config: More lines of rabbitmq.conf.
            erlang: More arguments of Erlang's, for what rabbitmq.conf does not know.
            address: Where it listens; by default where nobody does.
            policies: Of each new virtual host.
        """
        super().__init__(directory)
        self.version = version or installation()
        self._erlang = erlang
        self.address = address or Address.free()
        self.port = self.address.port
        self.url = f"amqp://guest:guest@{HOST}:{self.port}/%2F"
        self.management_url = f"http://{HOST}:{self.address.management}"
        self._mapper: subprocess.Popen[bytes] | None = None
        self._policies = policies
        self._vhosts: list[str] = []
        (directory / "rabbitmq.conf").write_text(
            f"{_CONFIG}management.tcp.ip = {HOST}\n"
            f"management.tcp.port = {self.address.management}\n{config}"
            if management
            else _CONFIG + config
        )
        (directory / "plugins").write_text("[rabbitmq_management]." if management else "[].")

    def launch(self) -> None:
        if self._mapper is None:
            self._mapper = subprocess.Popen(
                self.version.command(
                    self.directory, "epmd", "-port", str(self.address.mapper), "-address", HOST
                ),
                # a reader of our output must not wait for it
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        super().launch()

    def command(self) -> list[str]:
        return self.version.command(self.directory, "rabbitmq-server")

    def environment(self) -> dict[str, str]:
        variables = node_environment(self.version.inside(self.directory), self.address)
        variables["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] += f" {self._erlang}"
        return variables

    def answers(self) -> bool:
        return answers(check_broker, self.url)

    def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on this node; return what it printed."""
        return rabbitmqctl(self.version, self.directory, self.address, *arguments)

    def new_vhost(self) -> str:
        """Return the name of an empty virtual host; several are made at a time."""
        if not self._vhosts:
            self._vhosts = [uuid.uuid4().hex for _ in range(_VHOSTS_AT_ONCE)]
            file = self.directory / "virtual-hosts.json"
            file.write_text(definitions(self._vhosts, "guest", self._policies), encoding="utf-8")
            file.chmod(0o644)
            # not its standard input, which the command cannot read on Erlang 28
            where = self.version.inside(self.directory)
            self.ctl("import_definitions", str(where / file.name))
        return self._vhosts.pop()

    def depths(self) -> dict[str, int]:
        """Messages of each queue, ready and unsettled together."""
        lines = self.ctl("list_queues", "--no-table-headers", "name", "messages").splitlines()
        return {name: int(count) for name, count in (line.split("\t") for line in lines)}

    def close(self) -> None:
        super().close()
        if self._mapper:
            os.killpg(self._mapper.pid, signal.SIGKILL)
            self._mapper.wait()

    def processes(self) -> list[int]:
        """Process groups that `close` would end."""
        return [each.pid for each in (self._popen, self._mapper) if each]


def rabbitmqctl(version: Installation, directory: Path, address: Address, *arguments: str) -> str:
    """Run `rabbitmqctl` on a node; return what it printed.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    done = subprocess.run(
        version.command(directory, "rabbitmqctl", "--quiet", *arguments),
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=START_SECONDS,
        env=node_environment(version.inside(directory), address), cwd=directory,
    )  # fmt: skip
    return done.stdout


def node_environment(where: Path, address: Address) -> dict[str, str]:
    """Return the variables of a node, and of the tools that look for it."""
    return {
        **os.environ,
        "HOME": str(where),
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(address.mapper),
        "ERL_EPMD_ADDRESS": HOST,
        "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_CONFIG_FILE": f"{where}/rabbitmq.conf",
        "RABBITMQ_DIST_PORT": str(address.distribution),
        "RABBITMQ_ENABLED_PLUGINS_FILE": f"{where}/plugins",
        "RABBITMQ_LOG_BASE": f"{where}/log",
        "RABBITMQ_MNESIA_BASE": f"{where}/mnesia",
        "RABBITMQ_NODENAME": address.name,
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(address.port),
        "RABBITMQ_PID_FILE": f"{where}/pid",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none",
    }
