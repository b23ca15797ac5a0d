"""Log to systemd's journal in its own protocol, so that every field can be searched for.

`journalctl -u tonebus-daemon@1 -p warning`, or `journalctl TONEBUS_EVENT=message_parked`. See
https://systemd.io/JOURNAL_NATIVE_PROTOCOL; the values are free of newlines, so its plain form does.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

SOCKET = Path("/run/systemd/journal/socket")
_PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_MAX_VALUE_CHARS = 8192
_EVENTS = uuid.UUID("0c9f2bd6-3f53-4a53-9d1c-5a5e0a7d7b51")
"""A fact's MESSAGE_ID is its name's UUID in this space, so it stays the same for ever."""


def listens(environ: Mapping[str, str] = os.environ, fd: int | None = None) -> bool:
    """Whether standard error, or `fd`, goes to the journal (systemd.exec(5), $JOURNAL_STREAM)."""
    try:
        found = os.fstat(sys.stderr.fileno() if fd is None else fd)
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def message_id(event: str) -> str:
    return uuid.uuid5(_EVENTS, event).hex


def render(_logger: object, _method: str, event: MutableMapping[str, object]) -> str:
    """Write a fact as the journal takes it: the last processor of structlog's."""
    name = _text(event.pop("event", ""))
    level = str(event.pop("level", "info"))
    event.pop("timestamp", None)  # the journal has its own
    values = {key: _text(value) for key, value in event.items()}
    fields = {
        "MESSAGE": " ".join([name, *(f"{key}={_quoted(value)}" for key, value in values.items())]),
        "PRIORITY": str(_PRIORITIES.get(level, 6)),
        "SYSLOG_IDENTIFIER": "tonebus",
        # a library logs sentences: only our own events have names
        **({} if "library" in event else {"MESSAGE_ID": message_id(name), "TONEBUS_EVENT": name}),
        **{f"TONEBUS_{_name(key)}": value for key, value in values.items()},
    }
    return "".join(f"{key}={value}\n" for key, value in fields.items())


class Handler(logging.Handler):
    """Sends what `render` wrote to the journal; to standard error where that fails."""

    def __init__(self, path: Path = SOCKET) -> None:
        super().__init__()
        self._path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def emit(self, record: logging.LogRecord) -> None:
        entry = self.format(record)
        try:
            self._socket.sendto(entry.encode("utf-8", "backslashreplace"), self._path)
        except OSError:
            # the journal restarts, or takes none so large
            message, _, rest = entry.partition("\n")
            priority = rest.removeprefix("PRIORITY=")[:1]
            sys.stderr.write(f"<{priority}>{message.removeprefix('MESSAGE=')}\n")
            sys.stderr.flush()

    def close(self) -> None:
        self._socket.close()
        super().close()


def _text(value: object) -> str:
    if not isinstance(value, str):
        value = json.dumps(value, default=str, ensure_ascii=False)
    return value.replace("\n", "\\n")[:_MAX_VALUE_CHARS]


def _quoted(value: str) -> str:
    return (
        json.dumps(value, ensure_ascii=False) if not value or re.search(r'[\s"=]', value) else value
    )


def _name(key: str) -> str:
    return re.sub(r"[^A-Z0-9_]", "_", key.upper())[:56]
