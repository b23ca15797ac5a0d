"""Deliveries that wait to be mapped, and how much of each connector is held afterwards."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from daemon.pipeline.limits import HELD_CHARS, HELD_ITEMS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connectors.delivery import Delivery
    from daemon.pipeline.work import Item


class Inbox:
    """Gives out deliveries to be mapped, one of each connector in turn.

    Invariant: what is held is bounded, and each connector has an equal share of the bound. A
    connector whose destination refuses messages, or whose model has no worker, leaves the shares of
    the others free.
    """

    def __init__(self, connectors: int) -> None:
        self._share = max(1, HELD_ITEMS // connectors), max(1, HELD_CHARS // connectors)
        self._arrived: dict[str, deque[Delivery]] = {}
        self._items: Counter[str] = Counter()
        self._chars: Counter[str] = Counter()

    def __bool__(self) -> bool:
        """Whether something waits to be mapped."""
        return bool(self._arrived)

    @property
    def mappable(self) -> bool:
        return self._first() is not None

    def put(self, deliveries: Iterable[Delivery]) -> None:
        for each in deliveries:
            self._arrived.setdefault(each.connector, deque()).append(each)

    def next(self) -> Delivery | None:
        """Take the next delivery to map; None where there is none, or no room for one."""
        if (connector := self._first()) is None:
            return None
        waiting = self._arrived.pop(connector)
        delivery = waiting.popleft()
        if waiting:  # the other connectors come first
            self._arrived[connector] = waiting
        return delivery

    def hold(self, items: Iterable[Item]) -> None:
        for item in items:
            self._count(item, 1)

    def release(self, item: Item) -> None:
        self._count(item, -1)

    def drop_void(self) -> None:
        live = [each for waiting in self._arrived.values() for each in waiting if each.live]
        self._arrived.clear()
        self.put(live)

    def clear(self) -> None:
        self._arrived.clear()
        self._items.clear()
        self._chars.clear()

    def _first(self) -> str | None:
        """Return the connector whose turn it is."""
        if self._items.total() >= HELD_ITEMS or self._chars.total() >= HELD_CHARS:
            return None
        items, chars = self._share
        for connector in self._arrived:
            if self._items[connector] < items and self._chars[connector] < chars:
                return connector
        return None

    def _count(self, item: Item, sign: int) -> None:
        connector, weight = item.delivery.connector, sign * item.weight
        self._items[connector] += sign
        self._chars[connector] += weight
