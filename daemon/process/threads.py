"""A process does not outlive a thread of its own that failed."""

from __future__ import annotations

import os
import threading

import structlog

EX_SOFTWARE = 70
_log = structlog.get_logger(__name__)


def end_with_any() -> None:
    """End the process where one of its threads ends by an error, from now on.

    Otherwise the process would go on without what that thread did, and look healthy.
    """
    threading.excepthook = _end


def _end(died: threading.ExceptHookArgs) -> None:
    thread = died.thread.name if died.thread else "?"
    _log.critical("thread_died", thread=thread, exc_info=died.exc_value)
    os._exit(EX_SOFTWARE)
