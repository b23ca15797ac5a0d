"""A connector holds fewer deliveries while its messages take long, and as many as before after."""

from __future__ import annotations

from daemon.pipeline.limits import SLOW_HOLDS
from tests.daemon.bench import HOLD, Bench, message

LONG = SLOW_HOLDS * HOLD + 1


def test_fewer_are_held_while_messages_wait_long_and_as_many_as_set_when_none_has_for_long() -> (
    None
):
    bench = Bench()
    source = bench.edges.source
    bench.turn()
    for number in range(40):
        source.deliver(message("good", id=number))
    bench.clock.now += LONG
    bench.intake.review()
    assert source.consuming == {"input": 10}
    # half of the time is not enough, and a delivery that waits starts it again
    bench.clock.now += LONG / 2
    source.deliver(message("good", id=1))
    bench.clock.now += HOLD + 1
    bench.intake.review()
    source.stop("input")
    source.start("input", 10)
    bench.clock.now += LONG - HOLD
    bench.intake.review()
    assert source.consuming == {"input": 10}
    bench.clock.now += HOLD
    bench.intake.review()
    assert source.consuming == {"input": 0}
