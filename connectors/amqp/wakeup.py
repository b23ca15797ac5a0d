"""End a sleep on sockets from a signal handler or another thread."""

from __future__ import annotations

import os
import select


class Wakeup:
    """A pipe to oneself: the sleeping thread watches `fd`, another thread calls `set`."""

    def __init__(self) -> None:
        self.fd, self._write_end = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_end, False)

    def set(self) -> None:
        """Wake the sleeper, now or when it next lies down; safe in a signal handler."""
        try:
            os.write(self._write_end, b"!")
        except BlockingIOError:
            return  # the pipe is full of wake-ups already

    def clear(self) -> None:
        try:
            while os.read(self.fd, 4096):
                pass
        except BlockingIOError:
            return

    def wait(self, seconds: float) -> None:
        """Sleep until woken, or for that long."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        poll.poll(seconds * 1000)
        self.clear()

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._write_end)
