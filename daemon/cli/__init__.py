"""The `tonebus` command; each subcommand has a file of its own, imported when it is used."""

from __future__ import annotations

import errno
import gc
import importlib
import io
import os
import signal
import sys
import time
from pathlib import Path
from typing import TextIO, cast

import click

from connectors.errors import Misconfigured, TonebusError, Unavailable
from daemon.process.systemd import Supervisor

_COLLECT_AFTER = 20_000
_LINGER_SECONDS = 15
EX_UNAVAILABLE = 69
EX_CONFIG = 78

_COMMANDS = {
    "api": "run",
    "check": "check",
    "connectors": "connectors",
    "daemon": "run",
    "demo": "demo",
    "doctor": "doctor",
    "evaluate": "evaluate",
    "parked": "parked",
    "predict": "predict",
    "publish": "publish",
    "relabel": "relabel",
    "schema": "schema",
    "tail": "tail",
    "topology": "topology",
    "try": "trying:try_",
    "worker": "run",
}


class _Lazy(click.Group):
    """Imports a command when it is asked for, so that none pays for another's libraries."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name].partition(":")
        command = getattr(importlib.import_module(f"daemon.cli.{module}"), attribute or name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tonebus", prog_name="tonebus")
@click.pass_context
def tonebus(context: click.Context) -> None:
    """Label the tone of messages on a RabbitMQ bus."""
    if os.environ.get("NO_COLOR"):
        # https://no-color.org; click itself does not know of it
        context.color = False


def main() -> None:
    """Run the command line.

    Exit codes: 0 done, 1 the command's own failure, 2 wrong usage, 69 a server does not answer,
    78 wrong settings.
    """
    # modules and messages leave hardly a cycle; to look for them at Python's own threshold takes a
    # fifth of the time that loading torch takes, a sixth of that of a message with a known score
    gc.set_threshold(_COLLECT_AFTER)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # None where it is closed, and a socket might take its place
        if getattr(sys, name) is None:
            setattr(sys, name, _nothing(mode))
    for stream in (sys.stdout, sys.stderr):
        # a terminal or a pipe of another encoding must not end a command
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        tonebus(prog_name="tonebus")
    except Misconfigured as error:
        _fail(error, EX_CONFIG)
    except Unavailable as error:
        _fail(error, EX_UNAVAILABLE)
    except TonebusError as error:
        _fail(error, 1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # what is left in its buffer would be tried again, and fail again, at the end
        sys.stdout = _nothing("w")
        _fail(TonebusError(f"the output cannot be written: {error.strerror}"), 1)


def _nothing(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def _fail(error: TonebusError, code: int) -> None:
    supervisor = Supervisor()
    # the prefix is systemd's for "error", so that `journalctl -p err` shows it
    click.echo(f"{'<3>' if supervisor else ''}tonebus: {error}", err=True)
    if supervisor and code == EX_CONFIG:
        _linger(supervisor, error)
    sys.exit(code)


def _linger(supervisor: Supervisor, error: TonebusError) -> None:
    """Show what is wrong for a while: the next start finds the same until it is fixed."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    supervisor.status(f"wrong settings, tried again in {_LINGER_SECONDS} s: {error}")
    time.sleep(_LINGER_SECONDS)
