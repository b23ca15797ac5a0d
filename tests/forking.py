"""Processes of ours that are forked from one which has imported their modules already.

A worker takes two seconds of a processor to start, nearly all of them to import torch and
transformers, a daemon or the API half of one, and the tests start hundreds; a fork takes less than
a tenth. It gets the variables, the files and the process group that a new process would get, and
runs the same module as `__main__`. Workers have a nursery of their own, for no other process
imports torch; each starts with the first that is wanted, and ends with the tests.

`python -m tests.forking FD MODULE…` is a nursery; FD is where it is told what to run.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROOT = Path(__file__).parent.parent
_OF_WORKERS = (
    "daemon.cli.run", "daemon.worker.app", "daemon.model.tone_model", "daemon.model.stock",
    "transformers.models.auto.tokenization_auto", "transformers.models.bert.configuration_bert",
)  # fmt: skip
_OF_OTHERS = ("daemon.cli.run", "daemon.process.reloading", "daemon.cli.serving", "api.app")
_READ_AT_START = (
    "TONEBUS_", "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_",
    "OTEL_", "SLOW_", "WICKED_", "PYTEST_CURRENT_TEST",
)  # fmt: skip
"""Variables that no import depends on, unlike others."""
_MOST = 1 << 20


class Order(msgspec.Struct):
    """What is to run: `python -m` with these arguments, with these variables."""

    arguments: list[str]
    env: dict[str, str]


class Forked:
    """A child of the nursery, as `subprocess.Popen` shows one of ours.

    Attributes:
        pid: Process id; it leads a process group of its own.
        returncode: Exit status, once it is known to have ended.
    """

    def __init__(self, pid: int, news: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._news = news

    def poll(self) -> int | None:
        """Return the exit status, if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; return its exit status.

        Raises:
            subprocess.TimeoutExpired: It did not end.
        """
        if self.returncode is None:
            self._news.settimeout(timeout)
            try:
                self.returncode = int(self._news.recv(_MOST))
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired("fork", timeout or 0) from None
            self._news.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def can_fork(env: Mapping[str, str]) -> bool:
    """Whether a new process with these variables would have imported the same."""
    # elsewhere a fork may not do what its parent's libraries have begun
    return sys.platform == "linux" and _inherited(env) == _inherited(os.environ)


def fork(arguments: Sequence[str], *, env: Mapping[str, str], files: Sequence[int]) -> Forked:
    """Run `python -m` with these arguments, and with its three standard files."""
    worker = arguments[0].endswith("_worker") or list(arguments[:2]) == ["daemon.cli", "worker"]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        order = msgspec.json.encode(Order(list(arguments), dict(env)))
        nursery = _nursery(_OF_WORKERS if worker else _OF_OTHERS)
        socket.send_fds(nursery, [order], [*files, theirs.fileno()])
    return Forked(int(ours.recv(_MOST)), ours)


@functools.cache
def _nursery(imported: tuple[str, ...]) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno()), *imported],
            cwd=_ROOT, env=_inherited(os.environ), stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()], start_new_session=True,
        )  # fmt: skip
    return ours


def _inherited(env: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in env.items() if not name.startswith(_READ_AT_START)}
    return {**kept, "PYTHONUNBUFFERED": "1"}


def _serve(control: socket.socket) -> list[str] | None:
    """Fork as ordered until nobody orders any more.

    Returns:
        In a child, what it is to run.
    """
    children: dict[int, socket.socket] = {}
    wakened, wakes = socket.socketpair()
    for each in (control, wakened, wakes):
        each.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(control, selectors.EVENT_READ)
        selector.register(wakened, selectors.EVENT_READ)
        while True:
            selector.select()
            with contextlib.suppress(BlockingIOError):
                wakened.recv(_MOST)
            _report(children)
            with contextlib.suppress(BlockingIOError):
                said, received, *_ = socket.recv_fds(control, _MOST, 4)
                if not said:
                    return None
                order = msgspec.json.decode(said, type=Order)
                *files, told = received
                news = socket.socket(fileno=told)
                if not (pid := os.fork()):
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for each in (control, wakened, wakes, *children.values()):
                        each.close()
                    return _become(order, files, news)
                for descriptor in files:
                    os.close(descriptor)
                children[pid] = news


def _report(children: dict[int, socket.socket]) -> None:
    """Tell of each child that has ended."""
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with children.pop(pid) as news, contextlib.suppress(OSError):
                news.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(order: Order, files: list[int], news: socket.socket) -> list[str]:
    os.setsid()
    for place, descriptor in enumerate(files):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(order.env)
    with news:
        news.send(str(os.getpid()).encode())
    return order.arguments


def main() -> None:
    """Import modules, and fork; in a fork, run what it is for."""
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.freeze()
    run = _serve(socket.socket(fileno=int(sys.argv[1])))
    if run:
        sys.argv = ["-m", *run[1:]]
        runpy.run_module(run[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
