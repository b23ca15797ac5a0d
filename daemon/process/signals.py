"""What the operator asks of a daemon: to stop, to stop at once, to reload the settings."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import structlog

from connectors.errors import Misconfigured
from daemon.process.systemd import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.amqp.wakeup import Wakeup
    from daemon.settings import Settings

_log = structlog.get_logger(__name__)


class Signals:
    """What the operator asked for: to stop, to stop at once, to reload the settings.

    Attributes:
        stop: How often it was asked to stop; the second time ends at once.
        settings: New settings to go on with; None where none were asked for.
    """

    def __init__(self, load: Callable[[], Settings], supervisor: Supervisor | None = None) -> None:
        self.supervisor = supervisor or Supervisor({})
        self._load = load
        self._reload = False
        self.stop = 0
        self.settings: Settings | None = None
        self.wakeup: Wakeup | None = None

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self.ask_stop)
        signal.signal(signal.SIGINT, self.ask_stop)
        signal.signal(signal.SIGHUP, self.ask_reload)

    def ask_stop(self, *_: object) -> None:
        """Ask to stop; usable as a signal handler and from other threads."""
        self.stop += 1
        self._wake()

    def ask_reload(self, *_: object) -> None:
        self._reload = True
        self._wake()

    def called(self) -> bool:
        """Whether to leave off: to stop, or to go on under settings that could be read."""
        if self._reload:
            self._reload = False
            self.supervisor.reloading()
            try:
                self.settings = self._load()
            except Misconfigured as error:
                self.refuse(error)
        return bool(self.stop or self.settings)

    def refuse(self, error: Misconfigured) -> None:
        """Say that new settings cannot be used, and that the old ones stay."""
        _log.error("reload_refused", error=str(error))
        self.supervisor.resume(f"the new settings were refused, the old ones stay: {error}")

    def _wake(self) -> None:
        if self.wakeup:
            self.wakeup.set()
