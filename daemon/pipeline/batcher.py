"""When a batch leaves, and with what: pure, no clock and no sockets."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class Sized(Protocol):
    """Something with a text in it."""

    @property
    def text(self) -> str:
        """What is to be scored."""
        ...


Item = TypeVar("Item", bound=Sized)

_WORK_PER_TEXT = 4
_CHARS_PER_TOKEN = 4
_FIRST_PACE = 1500.0
_LEARNING_RATE = 0.2
_SMALLEST_SHARE = 8


def work(text: str) -> float:
    """Estimate the work of scoring a text, in tokens."""
    return _WORK_PER_TEXT + len(text) / _CHARS_PER_TOKEN


class Batcher(Generic[Item]):
    """Natural batching: a free worker gets at once as much as has gathered by then.

    While workers are idle, a text leaves alone; while they are busy, batches grow by themselves, up
    to what one worker does in `seconds`, so that nothing waits long behind a batch.
    """

    def __init__(self, *, texts: int, size: int, seconds: float) -> None:
        """Set the bounds of one batch.

        Args:
            texts: How many.
            size: Bytes of text.
            seconds: Work, at the pace that `learn` was told.
        """
        self._texts = texts
        self._size = size
        self._seconds = seconds
        self._pace = _FIRST_PACE
        self._rate = 1.0
        self._waiting: deque[Item] = deque()

    def __len__(self) -> int:
        """Items that wait."""
        return len(self._waiting)

    def add(self, item: Item) -> None:
        """Add an item that waits for its batch."""
        self._waiting.append(item)

    def learn(self, texts: Iterable[str], seconds: float) -> None:
        """Learn from the time that a worker needed for a batch."""
        if seconds > 0:
            shown = sum(map(work, texts)) / seconds
            self._pace += self._rate * (shown - self._pace)
            # the first batch replaces the guess; later ones only correct it
            self._rate = _LEARNING_RATE

    def take(self, places: float) -> list[Item]:
        """Take the next batch; empty where none should leave.

        Args:
            places: Batches among which the waiting items are shared; with less than one, none
                leaves.
        """
        if not self._waiting or places < 1:
            return []
        share = max(len(self._waiting) / places, _SMALLEST_SHARE)
        bound = self._pace * self._seconds
        batch: list[Item] = []
        load, size = 0.0, 0
        while self._waiting and len(batch) < min(share, self._texts):
            text = self._waiting[0].text
            load += work(text)
            size += len(text)
            if batch and (load > bound or size > self._size):
                break
            batch.append(self._waiting.popleft())
        return batch

    def discard(self, item: Item) -> bool:
        """Forget an item; False where it does not wait here."""
        try:
            self._waiting.remove(item)
        except ValueError:
            return False
        return True

    def clear(self) -> None:
        """Forget everything that waits."""
        self._waiting.clear()
