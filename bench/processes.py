"""The processes that measurements start."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_END_SECONDS = 30.0


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], output: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends."""
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def race(commands: Sequence[Sequence[str]], env: Mapping[str, str]) -> list[str]:
    """Run commands that begin to measure together; return what each prints afterwards.

    Each prints `ready` when it is, and reads a line before it begins.

    Raises:
        SystemExit: One ended before.
    """
    started = [
        subprocess.Popen(  # noqa: S603 - our own commands
            command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for command in commands
    ]
    for process, command in zip(started, commands, strict=True):
        assert process.stdout  # noqa: S101 - it is a pipe
        # it may log before
        if "ready\n" not in iter(process.stdout.readline, ""):
            raise SystemExit(f"{' '.join(command)} did not start")
    for process in started:
        assert process.stdin  # noqa: S101 - it is a pipe
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate()[0] for process in started]
