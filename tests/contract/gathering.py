"""Await what a bus brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from connectors.amqp import topology
from connectors.messages import OutgoingMessage
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.amqp.subscription import Subscription
    from connectors.delivery import Delivery
    from connectors.ports import Edges, Fate
    from connectors.scoring.protocol import Reply
    from tests.contract.buses import Bus, Found

Thing = TypeVar("Thing")


def send(bus: Bus, subscription: Subscription, *bodies: bytes) -> None:
    for body in bodies:
        bus.send(OutgoingMessage(subscription.exchange, "key", body, {}))


def receive(edges: Edges, count: int) -> list[Delivery]:
    """Await so many deliveries, and not one more."""
    return gather(edges, lambda: edges.source.arrived(100), count)


def outcomes(edges: Edges, count: int) -> list[tuple[object, Fate]]:
    return [(token, fate) for token, fate, _ in gather(edges, edges.sink.outcomes, count)]


def replies(edges: Edges, count: int) -> list[Reply]:
    return gather(edges, edges.scoring.replies, count)


def gather(edges: Edges, take: Callable[[], Sequence[Thing]], count: int) -> list[Thing]:
    found: list[Thing] = []

    def turn() -> None:
        edges.wait(0.05)
        found.extend(take())

    until(lambda: len(found) >= count, turn)
    assert len(found) == count
    return found


def drained(bus: Bus, subscription: Subscription) -> list[Found]:
    """All that waits for a subscription."""
    return bus.drain(topology.source_queue(subscription.connector))
