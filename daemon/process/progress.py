"""Whether a process makes progress, or has a good reason not to: what feeds a watchdog."""

from __future__ import annotations


class ProgressMonitor:
    """Tells a process that hangs from one that has nothing to do.

    Pure: the clock is passed in. Three states are fine: no work is owed, work was done recently, or
    the process waits for something that is known to be away (no worker, a broker that refuses
    connections or is out of memory, a pause after everything was parked). A restart fixes none of
    these. Otherwise work is owed and none is done, without a reason: a broker that neither works
    nor fails, a reply that is never counted, a bug of our own. Then a restart gives every delivery
    back, and loses nothing.
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
            excused: Whether the process waits for something that is known to be away.
        """
        if done != self._done or not owed or excused or self._since is None:
            self._done = done
            self._since = now
        return now - self._since <= self._patience
