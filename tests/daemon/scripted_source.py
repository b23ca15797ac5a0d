"""A source that leaves every decision to the test, and keeps a ledger."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from connectors.delivery import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.amqp.consumer import Ended


class Clock:
    """Monotonic seconds by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Consumed:
    """What the deliveries of one connection are settled on."""

    def __init__(self, source: ScriptedSource) -> None:
        self._source = source
        self.live = True

    def settle(self, tag: int) -> None:
        self._source.settle(tag)


class ScriptedSource:
    """Queues, and a ledger of what became of each message.

    Attributes:
        out: Deliveries that are out, by tag.
        acked: Bodies that were acknowledged, in that order.
        returned: Bodies that were given back while the connection lived.
        consuming: The prefetch of each connector that consumes.
        starts: Which connector was started, whether alone, and whether it was to skip a message.
        ending: Consumers that RabbitMQ is about to end.
    """

    def __init__(self, clock: Clock, broken: Mapping[str, Exception]) -> None:
        self._clock = clock
        self._broken = broken
        self.out: dict[int, Delivery] = {}
        self.acked: list[bytes] = []
        self.returned: list[bytes] = []
        self.consuming: dict[str, int] = {}
        self.starts: list[tuple[str, bool, bool]] = []
        self.ending: list[Ended] = []
        self._consumed: dict[str, Consumed] = {}
        self._arrived: list[Delivery] = []
        self._settled: list[int] = []
        self._tags = itertools.count(1)

    @property
    def unsettled(self) -> int:
        return len(self.out)

    @property
    def waiting(self) -> int:
        return len(self._arrived)

    @property
    def bodies(self) -> list[bytes]:
        """What is out."""
        return [each.body for each in self.out.values()]

    def start(
        self, connector: str, prefetch: int = 0, *, alone: bool = False, skip: bool = False
    ) -> None:
        assert connector not in self.consuming, "started twice"
        self.starts.append((connector, alone, skip))
        if connector in self._broken:
            raise self._broken[connector]
        self.consuming[connector] = prefetch
        self._consumed[connector] = Consumed(self)

    def stop(self, connector: str) -> None:
        self.consuming.pop(connector, None)
        self.flush()
        if consumed := self._consumed.pop(connector, None):
            consumed.live = False
        for tag, delivery in list(self.out.items()):
            if delivery.connector == connector:
                del self.out[tag]
                self.returned.append(delivery.body)
        self._arrived = [each for each in self._arrived if each.live]

    def ended(self) -> list[Ended]:
        ended, self.ending = self.ending, []
        for each in ended:
            self.stop(each.connector)
        return ended

    def deliver(
        self, body: bytes, *, redelivered: bool = False, connector: str = "input",
        replay: Mapping[str, Any] | None = None, **properties: Any,
    ) -> None:  # fmt: skip
        """Deliver a message; with headers of a replay as one that was replayed to the queue."""
        tag = next(self._tags)
        if replay:
            properties["application_headers"] = replay
        delivery = Delivery(
            self._consumed[connector], tag, connector=connector, body=body, properties=properties,
            exchange="" if replay else "sentiment.input", routing_key="key",
            redelivered=redelivered,
        )  # fmt: skip
        delivery.received = self._clock.now
        self.out[tag] = delivery
        self._arrived.append(delivery)

    def arrived(self, limit: int) -> list[Delivery]:
        taken, self._arrived = self._arrived[:limit], self._arrived[limit:]
        return taken

    def unsettled_of(self, connector: str) -> int:
        return sum(each.connector == connector for each in self.out.values())

    def oldest(self, connector: str) -> float | None:
        ages = [each.received for each in self.out.values() if each.connector == connector]
        return min(ages, default=None)

    def settle(self, tag: int) -> None:
        if tag in self.out:
            self._settled.append(tag)

    def flush(self) -> None:
        for tag in self._settled:
            self.acked.append(self.out.pop(tag).body)
        self._settled.clear()

    def cancel(self, connector: str = "") -> None:
        pass

    def give_back(self) -> None:
        for connector in list(self._consumed):
            self.stop(connector)

    def lose(self) -> None:
        """Go down with the connection: what was settled and not flushed is not acknowledged."""
        for consumed in self._consumed.values():
            consumed.live = False
        self._settled.clear()
        self._arrived.clear()
        self.out.clear()
