"""A destination that refuses: it is probed, everything else flows, and nothing is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.ports import Fate
from daemon.pipeline.limits import HELD_ITEMS, WINDOW_MESSAGES
from tests.daemon.bench import CONFIRM, Bench, message

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_PROBE = 61
LIST = 200


def published(bench: Bench) -> int:
    return len(bench.edges.sink.waiting)


def assert_all_goes_through(bench: Bench, count: int) -> None:
    """Once everything is confirmed, every delivery is acknowledged."""
    for _ in range(10):
        bench.clock.now += LONGEST_PROBE
        bench.turn()
        # what a probe has opened the way for is confirmed as well, before it is overdue
        while published(bench):
            bench.confirm_all()
    assert len(bench.edges.source.acked) == count
    assert not bench.publisher.refused


def refuse_first(bench: Bench, fate: Fate) -> None:
    """Publish two messages for one destination, and have the first refused."""
    for n in (1, 2):
        bench.edges.source.deliver(message("good", id=n))
    bench.score_all()
    bench.edges.sink.tell(0, safe=False, fate=fate)
    bench.edges.sink.tell(0, safe=False, fate=fate)
    bench.turn()
    bench.clock.now += 1.1
    bench.turn()
    assert published(bench) == 1


def test_a_probe_whose_channel_was_closed_for_another_message_probes_again() -> None:
    bench = Bench()
    refuse_first(bench, Fate.UNROUTED)
    bench.edges.sink.tell(0, safe=False, fate=Fate.VOID)
    bench.turn()
    assert_all_goes_through(bench, 2)


def test_a_probe_that_is_refused_by_its_exchange_is_not_forgotten_by_its_queue() -> None:
    bench = Bench()
    refuse_first(bench, Fate.UNROUTED)
    bench.edges.sink.tell(0, safe=False, fate=Fate.FORBIDDEN)
    bench.turn()
    assert len(bench.publisher.refused) == 2
    assert_all_goes_through(bench, 2)


def test_the_probe_of_what_is_forbidden_goes_where_it_makes_nothing_else_void() -> None:
    bench = Bench()
    refuse_first(bench, Fate.FORBIDDEN)
    assert len(bench.edges.sink.probes) == 1
    bench = Bench()
    refuse_first(bench, Fate.REFUSED)
    assert not bench.edges.sink.probes


def test_a_key_that_may_not_be_written_keeps_no_other_key_waiting() -> None:
    bench = Bench()
    bench.edges.source.deliver(message("good", id=1))
    bench.edges.source.deliver(message("", id=2))
    bench.score_all()
    said = "ACCESS_REFUSED - access to topic 'input.none' in exchange 'sentiment.results' refused"
    refused = bench.edges.sink.tell(0, safe=False, fate=Fate.FORBIDDEN, detail=said)
    bench.turn()
    [destination] = bench.publisher.refused
    assert destination.routing_key == refused.routing_key


def test_what_is_never_confirmed_leaves_room_for_all_else() -> None:
    bench = Bench(("a", "b"))
    fill(bench, "a", lambda n: message("good", id=n))
    bench.score_all()
    bench.clock.now += CONFIRM + 1
    bench.turn()
    before = published(bench)
    bench.edges.source.deliver(message("good", id=-1), connector="b")
    bench.score_all()
    assert published(bench) == before + 1


def test_one_that_is_never_confirmed_does_not_stop_those_that_are_sent_one_by_one() -> None:
    bench = Bench()
    for n in (1, 2, 3):
        bench.edges.source.deliver(message("good" if n == 1 else "", id=n))
    bench.score_all()
    assert published(bench) == 3
    for _ in range(3):
        bench.edges.sink.tell(0, safe=False, fate=Fate.VOID)
    bench.turn()
    bench.turn()
    assert published(bench) == 1
    bench.clock.now += CONFIRM + 1
    bench.turn()
    bench.turn()
    assert published(bench) == 2


def test_lists_for_a_destination_that_refuses_leave_room_for_other_connectors() -> None:
    bench = Bench(("refused", "other"))
    lists = [message([""] * LIST, id=n) for n in range(2 * HELD_ITEMS // LIST)]
    for body in lists:
        bench.edges.source.deliver(body, connector="refused")
    bench.turn()
    while bench.pipeline._inbox.mappable:
        bench.turn()
        while bench.edges.sink.waiting:
            bench.edges.sink.tell(0, safe=False, fate=Fate.UNROUTED)
    bench.edges.source.deliver(message("", id=-1), connector="other")
    bench.turn()
    bench.turn()
    [(event, _)] = bench.edges.sink.waiting
    assert event.routing_key == "other.none"
    bench.confirm_all()
    # and nothing of what had to wait is forgotten
    for _ in lists:
        bench.clock.now += 1.1
        bench.turn()
        bench.confirm_all()
    assert len(bench.edges.source.acked) == len(lists) + 1


def fill(bench: Bench, connector: str, body: Callable[[int], bytes]) -> None:
    """Deliver as many messages as may be unconfirmed."""
    for n in range(WINDOW_MESSAGES):
        bench.edges.source.deliver(body(n), connector=connector)
    while published(bench) < WINDOW_MESSAGES:
        bench.score_all()


def test_a_late_refusal_of_an_overdue_message_is_not_that_of_its_probe() -> None:
    bench = Bench()
    bench.edges.source.deliver(b"{broken")
    bench.turn()
    bench.clock.now += CONFIRM + 1
    bench.turn()
    bench.clock.now += 2
    bench.turn()
    assert published(bench) == 2
    bench.edges.sink.tell(0, safe=False, fate=Fate.REFUSED)
    bench.turn()
    bench.clock.now += 2
    bench.turn()
    assert published(bench) == 1
    bench.confirm_all()
    assert_all_goes_through(bench, 1)
