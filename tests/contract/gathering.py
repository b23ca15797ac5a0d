"""Await what a bus brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from connectors.amqp import topology
from connectors.messages import Letter
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from connectors.amqp.route import Route
    from connectors.delivery import Delivery
    from connectors.ports import Edges, Fate
    from connectors.scoring.protocol import Answer
    from tests.contract.buses import Bus, Found

Thing = TypeVar("Thing")


def send(bus: Bus, route: Route, *bodies: bytes) -> None:
    for body in bodies:
        bus.send(Letter(route.exchange, "key", body, {}))


def receive(edges: Edges, count: int) -> list[Delivery]:
    """Await so many deliveries, and not one more."""
    return gather(edges, lambda: edges.source.arrived(100), count)


def outcomes(edges: Edges, count: int) -> list[tuple[object, Fate]]:
    return [(token, fate) for token, fate, _ in gather(edges, edges.sink.outcomes, count)]


def answers(edges: Edges, count: int) -> list[Answer]:
    return gather(edges, edges.scoring.answers, count)


def gather(edges: Edges, take: Callable[[], Sequence[Thing]], count: int) -> list[Thing]:
    found: list[Thing] = []

    def turn() -> None:
        edges.wait(0.05)
        found.extend(take())

    until(lambda: len(found) >= count, turn)
    assert len(found) == count
    return found


def drained(bus: Bus, route: Route) -> list[Found]:
    """All that waits for a route."""
    return bus.drain(topology.source_queue(route.connector))
