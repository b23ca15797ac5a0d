"""Whether a process makes progress, or has an honest reason not to: what feeds a watchdog."""

from __future__ import annotations


class ProgressMonitor:
    """Looks on, and tells standing still from having nothing to do.

    Pure: the clock is passed in. Three states of affairs are fine: nothing is owed, something was
    done lately, or the wait is for somebody else who is known to be away (no worker, a broker that
    refuses connections or is out of memory, a pause after everything was parked). A new start mends
    none of these. What is left is owing, and doing nothing, without a reason: a broker that
    neither works nor breaks, a reply that is never counted, a bug of our own. A new start of the
    process gives every delivery back, and loses nothing.
    """

    def __init__(self, patience: float) -> None:
        """Start with a clean slate.

        Args:
            patience: Seconds without progress that are still fine; longer than any deadline after
                which the process helps itself.
        """
        self._patience = patience
        self._done = -1
        self._since: float | None = None

    def well(self, now: float, *, owed: bool, done: int, excused: bool) -> bool:
        """Look again, and say whether all is well.

        Args:
            now: Monotonic seconds.
            owed: Whether anybody waits for us.
            done: How much was ever done; any change is progress.
            excused: Whether somebody else holds us up, and is known to.
        """
        if done != self._done or not owed or excused or self._since is None:
            self._done = done
            self._since = now
        return now - self._since <= self._patience
