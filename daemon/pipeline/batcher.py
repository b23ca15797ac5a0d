"""When a batch leaves, and with what: pure, no clock and no sockets."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class Sized(Protocol):
    @property
    def text(self) -> str: ...


Member = TypeVar("Member", bound=Sized)

_WORK_PER_TEXT = 4
_CHARS_PER_TOKEN = 4
_FIRST_PACE = 1500.0
_LEARNING_RATE = 0.2
_SMALLEST_SHARE = 8


def work(text: str) -> float:
    """Estimate the work of scoring a text, in tokens."""
    return _WORK_PER_TEXT + len(text) / _CHARS_PER_TOKEN


class Batcher(Generic[Member]):
    """Natural batching: a free worker gets at once as much as has gathered by then.

    While workers are idle, a text leaves alone; while they are busy, batches grow by themselves, up
    to what one worker does in `seconds`, so that nothing waits long behind a batch.
    """

    def __init__(self, *, texts: int, size: int, seconds: float) -> None:
        """Set the bounds of a batch: texts, bytes of text, and seconds of work at a learnt pace."""
        self._texts = texts
        self._size = size
        self._seconds = seconds
        self._pace = _FIRST_PACE
        self._rate = 1.0
        self._waiting: deque[Member] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, member: Member) -> None:
        self._waiting.append(member)

    def learn(self, texts: Iterable[str], seconds: float) -> None:
        """Learn from the time that a worker needed for a batch."""
        if seconds > 0:
            shown = sum(map(work, texts)) / seconds
            self._pace += self._rate * (shown - self._pace)
            # the first batch replaces the guess; later ones only correct it
            self._rate = _LEARNING_RATE

    def take(self, places: float) -> list[Member]:
        """Take the next batch; empty where none should leave.

        What waits is shared among so many places; with less than one, none leaves.
        """
        if not self._waiting or places < 1:
            return []
        share = max(len(self._waiting) / places, _SMALLEST_SHARE)
        bound = self._pace * self._seconds
        batch: list[Member] = []
        load, size = 0.0, 0
        while self._waiting and len(batch) < min(share, self._texts):
            text = self._waiting[0].text
            load += work(text)
            size += len(text)
            if batch and (load > bound or size > self._size):
                break
            batch.append(self._waiting.popleft())
        return batch

    def discard(self, member: Member) -> None:
        """Forget one that need not be scored any more, if it waits here."""
        with suppress(ValueError):
            self._waiting.remove(member)

    def clear(self) -> None:
        self._waiting.clear()
