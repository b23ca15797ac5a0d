"""Where the demonstration takes place: on real servers, or inside one process."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
import uvicorn

from connectors.amqp import topology
from connectors.amqp.publisher import Sink
from connectors.amqp.wakeup import Wakeup
from connectors.embedded import Embedded, EmbeddedBroker, EmbeddedStore, EmbeddedWorker
from connectors.errors import Misconfigured, TonebusError, Unavailable
from daemon.cli.publish import connect
from daemon.cli.tail import listen
from daemon.process import service, wiring
from daemon.process.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from connectors.messages import OutgoingMessage
    from daemon.settings import Settings

_READY_SECONDS = 120.0
_QUEUE = "demo"


def servers(configuration: Settings) -> tuple[str, list[str]]:
    """Name the broker that answers, and say which servers do not, and why."""
    found, missing = "", []
    try:
        with contextlib.closing(connect(configuration, "tonebus demo")) as broker:
            found = f"{broker.version} at {broker.address}"
    except (Misconfigured, Unavailable) as error:
        missing.append(str(error))
    store = wiring.redis_store(configuration)
    if not store.ping():
        missing.append(f"Redis does not answer: {store.fault}")
    return found, missing


class RealStage:
    """A worker, a daemon and the API as processes of their own, over RabbitMQ and Redis."""

    def __init__(self, configuration: Settings, *, keep: bool) -> None:
        self._configuration = configuration
        self._keep = keep
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = Path(tempfile.mkdtemp(prefix="tonebus-demo-"))
        self._port = _free_port(configuration)
        self._sink: Sink[None]
        self.exchange = configuration.connectors[0].exchange
        self.status_url = f"http://127.0.0.1:{self._port}/"

    def __enter__(self) -> Self:
        try:
            for name in ("worker", "daemon", "api"):
                self._start(name)
            for name in self._children:
                self._await_ready(name)
        except BaseException:
            self._end()
            raise
        self._broker = connect(self._configuration, "tonebus demo")
        self._sink = Sink(self._broker)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._broker.close()
        if not self._keep or kind is not None:
            self._end()

    def listen(self, show: Callable[[bytes], None]) -> None:
        listen(self._broker, show)

    def publish(self, message: OutgoingMessage) -> None:
        self._sink.publish(message, None)

    def wait(self, seconds: float) -> None:
        """Let events come in for that long at most."""
        deadline = time.monotonic() + seconds
        self._broker.wait(seconds)
        while (left := deadline - time.monotonic()) > 0 and seconds < 1:
            self._broker.wait(left)
        self._sink.outcomes()

    def leave(self, console: Console) -> None:
        pids = " ".join(str(child.pid) for child in self._children.values())
        console.print(f"\nstill running: worker, daemon and API; logs in {self._logs}")
        console.print(f"status   {self.status_url}\nstop     kill {pids}")

    def _start(self, name: str) -> None:
        environment = {
            **os.environ,
            "TONEBUS_LOG_FORMAT": "json",
            "TONEBUS_API_HOST": "127.0.0.1",
            "TONEBUS_API_PORT": str(self._port),
        }
        with (self._logs / f"{name}.log").open("wb") as log:
            self._children[name] = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "daemon.cli", name],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _await_ready(self, name: str) -> None:
        child, log = self._children[name], self._logs / f"{name}.log"
        deadline = time.monotonic() + _READY_SECONDS
        while f'"event": "{name}_ready"'.encode() not in log.read_bytes():
            if child.poll() is not None or time.monotonic() > deadline:
                tail = log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
                raise TonebusError(f"the {name} did not start:\n{tail}")
            time.sleep(0.05)

    def _end(self) -> None:
        # the daemon first, so that what it still asks for is answered
        for name in ("daemon", "api", "worker"):
            if child := self._children.get(name):
                child.terminate()
                try:
                    child.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()


class EmbeddedStage:
    """Everything in this process: threads for the daemon, the worker and the API."""

    def __init__(self, configuration: Settings) -> None:
        port = _free_port(configuration)
        self._configuration = msgspec.structs.replace(
            configuration,
            api=msgspec.structs.replace(configuration.api, host="127.0.0.1", port=port),
        )
        self.exchange = configuration.connectors[0].exchange
        self.status_url = f"http://127.0.0.1:{port}/"
        self._broker = EmbeddedBroker()
        self._arrived = Wakeup()
        self._show: Callable[[bytes], None] = lambda _: None

    def __enter__(self) -> Self:
        # torch is slow to import, and the other stage does not need it here
        from daemon.model.tone_model import ToneModel  # noqa: PLC0415
        from daemon.worker.task import result_maker  # noqa: PLC0415

        configuration, store = self._configuration, EmbeddedStore()
        workers = {}
        for settings in configuration.models:
            model = ToneModel.load(settings)
            workers[settings.name] = EmbeddedWorker(result_maker(model, "embedded"))
        self._broker.declare(
            topology.results(),
            topology.Topology(
                queues=(topology.Queue(_QUEUE, {}),),
                bindings=(topology.Binding(topology.RESULTS, _QUEUE, "#"),),
            ),
        )
        self._broker.listen(self._arrived)
        edges = Embedded(
            self._broker, workers, subscriptions=wiring.subscriptions(configuration),
            prefetch=wiring.prefetch(configuration),
        )  # fmt: skip
        self._signals = Signals(lambda: configuration)
        self._service = service.Service(configuration, edges, store, self._signals)
        app = importlib.import_module("api.app").build(
            configuration, Embedded(self._broker, workers), store
        )
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=configuration.api.port, log_config=None)
        )
        self._threads = [
            threading.Thread(target=self._service.run, name="daemon"),
            threading.Thread(target=self._server.run, name="api"),
        ]
        for thread in self._threads:
            thread.start()
        while not (self._server.started and self._service.ready):
            time.sleep(0.01)
        return self

    def __exit__(self, _kind: type[BaseException] | None, *_: object) -> None:
        self._signals.ask_stop()
        self._server.should_exit = True
        for thread in self._threads:
            thread.join()

    def listen(self, show: Callable[[bytes], None]) -> None:
        self._show = show

    def publish(self, message: OutgoingMessage) -> None:
        self._broker.publish(message)

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            for message in self._broker.take(_QUEUE, 1000):
                self._show(message.body)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._arrived.wait(min(left, 0.02))

    def leave(self, console: Console) -> None:
        """Stay until interrupted: what is embedded ends with this process."""
        console.print(f"\nstill running inside this process\nstatus   {self.status_url}")
        console.print("stop     Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


Stage = RealStage | EmbeddedStage
"""A running Tonebus, to publish to and to listen to."""


def _free_port(configuration: Settings) -> int:
    """Return the configured port, or any other where that one is taken."""
    for port in (configuration.api.port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise TonebusError("no free port on 127.0.0.1")
