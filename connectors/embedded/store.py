"""Cache entries in memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.cache.store import Entry

_MAX_ENTRIES = 100_000


class EmbeddedStore:
    """Cache entries in memory, the oldest dropped when there are too many."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty; `clock` gives monotonic seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._indexes: dict[bytes, set[bytes]] = {}
        self._entries: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()

    def exchange(self, reads: Sequence[bytes], writes: Sequence[Entry]) -> list[bytes | None]:
        now = self._clock()
        with self._lock:
            for key, value, ttl in writes:
                self._entries[key] = (value, now + ttl)
            while len(self._entries) > _MAX_ENTRIES:
                self._entries.popitem(last=False)
            found = [self._entries.get(key) for key in reads]
        return [entry[0] if entry and entry[1] > now else None for entry in found]

    def post(self, index: bytes, writes: Sequence[Entry]) -> None:
        self.exchange((), writes)
        with self._lock:
            self._indexes.setdefault(index, set()).update(key for key, _, _ in writes)

    def gather(self, index: bytes) -> dict[bytes, bytes]:
        with self._lock:
            keys = sorted(self._indexes.get(index, ()))
        values = self.exchange(keys, ())
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}
