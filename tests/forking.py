"""Workers that are forked from a process which has imported torch already.

A worker takes four seconds of a processor to start, nearly all of them to import torch and
transformers, and the tests start a hundred. A fork gets the variables, the files and the process
group that a new process would get, and runs the same module as `__main__`. The nursery that it is
forked from starts with the first that is wanted, and ends with the tests.

`python -m tests.forking FD` is the nursery; FD is where it is told what to run.
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
_IMPORTED = ("daemon.cli.run", "daemon.worker.app", "daemon.model.tone_model")
_STARTED = ("TONEBUS_", "WICKED_", "SLOW_", "PYTEST_CURRENT_TEST")
"""Variables that are not read before a worker starts; of others an import may depend."""
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
                raise subprocess.TimeoutExpired("worker", timeout or 0) from None
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


def fork(arguments: Sequence[str], *, env: Mapping[str, str], log: int) -> Forked:
    """Run `python -m` with these arguments; what it prints goes to the descriptor `log`."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        order = msgspec.json.encode(Order(list(arguments), dict(env)))
        socket.send_fds(_nursery(), [order], [log, theirs.fileno()])
    return Forked(int(ours.recv(_MOST)), ours)


@functools.cache
def _nursery() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=_ROOT, env=_inherited(os.environ), stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()], start_new_session=True,
        )  # fmt: skip
    return ours


def _inherited(env: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in env.items() if not name.startswith(_STARTED)}
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
                said, files, *_ = socket.recv_fds(control, _MOST, 2)
                if not said:
                    return None
                order = msgspec.json.decode(said, type=Order)
                news = socket.socket(fileno=files[1])
                if not (pid := os.fork()):
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    for each in (control, wakened, wakes, *children.values()):
                        each.close()
                    return _become(order, files[0], news)
                os.close(files[0])
                children[pid] = news


def _report(children: dict[int, socket.socket]) -> None:
    """Tell of each child that has ended."""
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with children.pop(pid) as news, contextlib.suppress(OSError):
                news.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(order: Order, log: int, news: socket.socket) -> list[str]:
    os.setsid()
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    os.environ.clear()
    os.environ.update(order.env)
    with news:
        news.send(str(os.getpid()).encode())
    return order.arguments


def main() -> None:
    """Import what a worker does, and fork them; in a fork, run what it is for."""
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    run = _serve(socket.socket(fileno=int(sys.argv[1])))
    if run:
        sys.argv = ["-m", *run[1:]]
        runpy.run_module(run[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
