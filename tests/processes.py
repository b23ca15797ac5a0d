"""Real processes of ours, for the tests that kill, stop and watch them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tests import forking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Child = subprocess.Popen[bytes] | forking.Forked

ROOT = Path(__file__).parent.parent


class Process:
    """One `tonebus` command, and the facts that it has logged.

    Attributes:
        name: The command.
        popen: The child; it leads a process group of its own.
        log: File with all that it printed.
    """

    def __init__(self, name: str, popen: Child, log: Path) -> None:
        self.name = name
        self.popen = popen
        self.log = log

    @property
    def pid(self) -> int:
        """Process id."""
        return self.popen.pid

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """The facts logged so far, oldest first; only those of that name, if one is given."""
        return logged(self.log, name)

    def wait_for(self, event: str, *, count: int = 1, timeout: float = 60) -> dict[str, Any]:
        """Wait until it has logged that event so many times.

        Returns:
            The `count`th of them.

        Raises:
            AssertionError: It ended, or the time ran out.
        """
        deadline = time.monotonic() + timeout
        while len(found := self.events(event)) < count:
            code = self.popen.poll()
            # What it logged last may have come after the look above.
            if code is not None and len(self.events(event)) < count:
                raise AssertionError(f"tonebus {self.name} ended with {code} before {event}")
            if time.monotonic() > deadline:
                raise AssertionError(f"tonebus {self.name} logged no {event} in {timeout:g} s")
            time.sleep(0.02)
        return found[count - 1]

    def stop(self, *, timeout: float = 30) -> int:
        """Ask it to end (SIGTERM), and wait.

        Returns:
            Its exit status.

        Raises:
            subprocess.TimeoutExpired: It did not end.
        """
        self.popen.terminate()
        return self.popen.wait(timeout)

    def kill(self) -> None:
        """End it and its children at once (SIGKILL)."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()


@contextmanager
def running(
    command: str,
    *arguments: str,
    env: Mapping[str, str],
    ready: str | None = None,
    timeout: float = 60,
    within: Sequence[str] = (),
    forked: bool = True,
) -> Iterator[Process]:
    """Run `tonebus COMMAND` from this tree until the block ends; kill what is left then.

    Args:
        command: `daemon`, `worker`, `api`, …
        arguments: Of the command.
        env: Settings, such as `TONEBUS_BROKER_URL`. None of the caller's own `TONEBUS_…` variables
            is passed on, so that a test means the same everywhere.
        ready: Event to wait for before the block starts; `<command>_ready` where None, and no wait
            at all where empty.
        timeout: Seconds to wait for it.
        within: A command that runs the command line that follows it, such as `nsenter --net=…`.
        forked: Whether it may be forked from a process that has imported its modules already.

    Raises:
        AssertionError: It ended, or was not ready in time.
    """
    with tempfile.TemporaryDirectory(prefix="tonebus-") as directory:
        log = Path(directory) / f"{command}.log"
        words, variables = ["daemon.cli", command, *arguments], environment(env)
        if within or not forked:
            child: Child = spawn([*within, sys.executable, "-m", *words], env=variables, log=log)
        else:
            child = start(words, env=variables, log=log)
        process = Process(command, child, log)
        try:
            if ready != "":
                process.wait_for(ready or f"{command}_ready", timeout=timeout)
            yield process
        except BaseException:
            # Pytest shows it beneath the failure.
            print(f"--- tonebus {command}, process {process.pid}:")
            print(log.read_text(encoding="utf-8", errors="replace"))
            raise
        finally:
            process.kill()


def ended(
    *arguments: str, env: Mapping[str, str], given: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run a `tonebus` command from this tree to its end.

    Args:
        arguments: Of the command line.
        env: Settings, as for `running`.
        given: Its standard input.
    """
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(given)
        files[0].seek(0)
        child = _begun(["daemon.cli", *arguments], environment(env), files)
        try:
            code = child.wait(120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        for each in files:
            each.seek(0)
        _, output, errors = (each.read().decode() for each in files)
    return subprocess.CompletedProcess(arguments, code, output, errors)


def start(module: Sequence[str], *, env: Mapping[str, str], log: Path) -> Child:
    """Run `python -m` with a module and its arguments; it is forked where it can be."""
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        return _begun(module, env, [nothing, output, output])


def _begun(module: Sequence[str], env: Mapping[str, str], files: Sequence[IO[bytes]]) -> Child:
    if forking.can_fork(env):
        return forking.fork(module, env=env, files=[each.fileno() for each in files])
    stdin, stdout, stderr = files
    return subprocess.Popen(
        [sys.executable, "-m", *module], cwd=ROOT, env=env, stdin=stdin, stdout=stdout,
        stderr=stderr, start_new_session=True,
    )  # fmt: skip


def spawn(
    command: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path = ROOT
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own; the log gets all that it prints."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip


def logged(log: Path, name: str | None = None) -> list[dict[str, Any]]:
    """The facts in a log, oldest first; only those of that name, if one is given."""
    facts = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if name is None or name in line:
            with contextlib.suppress(ValueError):
                fact = json.loads(line)
                if isinstance(fact, dict) and name in {None, fact.get("event")}:
                    facts.append(fact)
    return facts


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables of one of our processes: those settings and none of the caller's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TONEBUS_")}
    return {**kept, "PYTHONUNBUFFERED": "1", "TONEBUS_LOG_FORMAT": "json", **settings}
