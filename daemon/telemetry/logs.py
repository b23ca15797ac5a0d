"""Logs: past-tense facts with fields; never a text, never a secret."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING, Literal

import structlog

from daemon.telemetry import journald

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from structlog.typing import Processor

_FRAMES = 8
Format = Literal["auto", "json", "console"]


def configure(form: Format, level: str, *processors: Processor) -> None:
    """Send every log of this process, also those of libraries, to standard error or the journal.

    The form `auto` is for people on a terminal, for the journal where standard error leads there,
    and for machines elsewhere. Facts below the level are dropped; libraries log from `warning` on.
    The processors see each event before it is written, such as `incidents.remember`.
    """
    console = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=not console),
        _without_control_characters,
        _without_message,
        *processors,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    renderer: Processor = structlog.processors.JSONRenderer()
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if console:
        colours = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        renderer = structlog.dev.ConsoleRenderer(colors=colours)
    elif form == "auto" and journald.listens():
        renderer, handler = journald.render, journald.Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for package in ("api", "connectors", "daemon"):
        logging.getLogger(package).setLevel(level.upper())


def _without_control_characters(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Escape what could forge a line or drive a terminal: ids and keys come from outside."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = value.encode("unicode_escape").decode()
    return event


def _without_message(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Show where an exception was raised, but not its message: that may quote a text."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if info is True:
        error = sys.exception()
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["raised_at"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:]
        ]
    return event


def _name_library(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["library"] = record.name
    return event
