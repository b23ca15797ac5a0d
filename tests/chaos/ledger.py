"""The oracle's book: what was published, what came of it, and what is wrong with that."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.chaos.traffic import BAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tests.chaos.traffic import Message

_TOLERANCE = 0.002
_SHOWN = 5


@dataclass(slots=True)
class _Entry:
    """All that is known of one key.

    Attributes:
        sent: How often it was published and confirmed.
        events: How many events came for each event id.
        parked: How many parked copies came with each code.
    """

    message: Message
    sent: int = 0
    published_at: float = 0.0
    events: Counter[str] = field(default_factory=Counter)
    parked: Counter[str] = field(default_factory=Counter)
    tone: str = ""
    scores: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Account:
    """What the run comes to.

    Attributes:
        published: Messages, each counted once however often it was sent.
        lost: Keys with neither event nor parked copy.
        innocents: Keys of good messages that were parked.
        unexpected: Keys that nobody published, or with an outcome that they must not have.
        mispaired: Keys whose event tells another text's scores.
        forked: Keys with an id and with more than one event id.
        duplicates: Events and parked copies beyond the first of their key.
        rubbish: Messages of the connector that gets nothing else: published, and parked so far.
            The others may wait in its queue.
    """

    published: int
    events: int
    parked: int
    lost: Sequence[str]
    innocents: Sequence[str]
    unexpected: Sequence[str]
    mispaired: Sequence[str]
    forked: Sequence[str]
    duplicates: int
    rubbish: tuple[int, int]

    @property
    def sound(self) -> bool:
        """Whether the promise was kept."""
        wrong = self.lost or self.innocents or self.unexpected or self.mispaired or self.forked
        return not wrong

    def lines(self) -> list[str]:
        """For people: every figure, with the first few culprits."""
        figures: dict[str, int | Sequence[str]] = {
            "published": self.published, "events": self.events, "parked": self.parked,
            "lost": self.lost, "innocents parked": self.innocents,
            "unexpected": self.unexpected, "wrong pairings": self.mispaired,
            "messages with two event ids": self.forked, "duplicates": self.duplicates,
        }  # fmt: skip
        return [f"{name}: {_shown(value)}" for name, value in figures.items()]


class Ledger:
    """Filled by the publisher's and the collector's threads, read by the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._open: set[str] = set()
        self._strangers: list[str] = []
        self._fresh: float = 0.0
        self.sent = 0

    def announce(self, message: Message) -> None:
        """Note that a message is about to be published: its outcome may overtake its confirm."""
        with self._lock:
            entry = self._entries.setdefault(message.key, _Entry(message))
            if message.exchange != BAD and not (entry.events or entry.parked):
                self._open.add(message.key)
            entry.published_at = entry.published_at or time.monotonic()

    def confirm(self, message: Message) -> None:
        """Note that the broker has taken it."""
        with self._lock:
            self.sent += 1
            self._entries[message.key].sent += 1

    def event(self, key: str, event_id: str, data: Mapping[str, Any]) -> None:
        """Note an event."""
        with self._lock:
            if entry := self._of(key):
                entry.events[event_id] += 1
                if data["scores"] and not data["cached"]:
                    # a worker had to do with it
                    self._fresh = max(self._fresh, entry.published_at)
                entry.tone = data["tone"]
                entry.scores = tuple(sorted(data["scores"].items()))

    def parked(self, key: str, code: str) -> None:
        """Note a parked copy."""
        with self._lock:
            if entry := self._of(key):
                entry.parked[code] += 1

    def open(self) -> list[str]:
        """The keys for which nothing has come yet."""
        with self._lock:
            return sorted(self._open)

    def caught_up(self, moment: float) -> bool:
        """Whether all published before a moment is done, and a text published since was scored."""
        with self._lock:
            if self._fresh <= moment:
                return False
            return all(self._entries[key].published_at > moment for key in self._open)

    def account(self, score: Callable[[list[str]], Iterable[Mapping[str, float]]]) -> Account:
        """Settle up.

        Args:
            score: The model itself: the scores of each text.
        """
        bad = {k: e for k, e in self._entries.items() if e.message.exchange == BAD}
        entries = {k: e for k, e in self._entries.items() if k not in bad}
        texts = sorted({e.message.text for e in entries.values() if e.message.text})
        expected = dict(zip(texts, score(texts), strict=True))
        return Account(
            published=len(entries),
            events=sum(bool(entry.events) for entry in entries.values()),
            parked=sum(bool(entry.parked) for entry in entries.values()),
            lost=sorted(self._open),
            innocents=[k for k, e in entries.items() if e.parked and not e.message.code],
            unexpected=[
                *self._strangers,
                *(k for k, e in self._entries.items() if _astray(e)),
            ],
            mispaired=[k for k, e in entries.items() if e.events and not _paired(e, expected)],
            forked=[k for k, e in entries.items() if e.message.source_id and len(e.events) > 1],
            duplicates=sum(
                max(0, sum(e.events.values()) + sum(e.parked.values()) - 1)
                for e in self._entries.values()
            ),
            rubbish=(len(bad), sum(bool(entry.parked) for entry in bad.values())),
        )

    def _of(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if not entry:
            self._strangers.append(key)
            return None
        if key in self._open:
            self._open.discard(key)
        return entry


def _astray(entry: _Entry) -> bool:
    code = entry.message.code
    return bool(code and (entry.events or set(entry.parked) - {code}))


def _paired(entry: _Entry, expected: Mapping[str, Mapping[str, float]]) -> bool:
    scores = expected[entry.message.text] if entry.message.text else {}
    if not scores or not entry.message.text or not entry.message.text.strip(" \n\u200b"):
        return entry.tone == "none" and not entry.scores
    found = dict(entry.scores)
    return scores.keys() == found.keys() and all(
        abs(scores[tone] - found[tone]) < _TOLERANCE for tone in scores
    )


def _shown(value: int | Sequence[str]) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{len(value):,}" + (f" ({', '.join(value[:_SHOWN])} …)" if value else "")
