"""A shadow model is compared on live traffic, and nothing ever waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.events.doubt import Doubt
from connectors.events.output import Output
from connectors.messages import Fault
from daemon.pipeline import shadow
from daemon.status.reporter import agreement
from daemon.status.snapshot import Agreement
from daemon.telemetry import metrics
from tests.daemon.bench import SHADOW, Bench, message

if TYPE_CHECKING:
    import pytest


def requests_to(bench: Bench, model: str) -> list[str]:
    scoring = bench.edges.scoring
    return [request for request in scoring.asked if scoring.models[request] == model]


def finish(bench: Bench) -> None:
    """Go on until nobody is asked anything more."""
    bench.turn()
    while bench.edges.scoring.asked:
        bench.score_all()
        bench.confirm_all()


def test_both_models_score_and_only_the_one_in_charge_is_published() -> None:
    bench = Bench(shadowed=True)
    for number, text in enumerate(("good", "bad one", "bad two", "fine")):
        bench.edges.source.deliver(message(text, id=number))
    finish(bench)
    assert len(bench.edges.source.acked) == len(bench.edges.sink.safe) == 4
    assert all(b'"tone":"neutral"' in message.body for message in bench.edges.sink.safe)
    assert agreement(bench.registry) == {SHADOW: Agreement(2, 4)}
    assert bench.registry.values[metrics.SHADOW] == {
        ("input", SHADOW, "neutral", "neutral"): 2,
        ("input", SHADOW, "neutral", "negative"): 2,
    }


def test_doubt_is_published_and_counted_and_the_shadow_is_compared_by_its_tone() -> None:
    bench = Bench(shadowed=True, output=Output(doubt=Doubt(below=1.0)))
    bench.edges.source.deliver(message("good", id=1))
    finish(bench)
    [event] = bench.edges.sink.safe
    assert event.routing_key == "input.unsure"
    assert b'"tone":"unsure"' in event.body
    assert bench.registry.by(metrics.EVENTS, "tone") == {"unsure": 1}
    assert agreement(bench.registry) == {SHADOW: Agreement(1, 1)}


def test_a_message_is_acknowledged_while_its_shadow_is_still_out() -> None:
    bench = Bench(shadowed=True)
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    bench.confirm_all()
    assert len(requests_to(bench, SHADOW)) == 1
    assert len(bench.edges.source.acked) == 1
    assert not bench.pipeline.in_flight


def test_what_a_shadow_has_scored_once_it_is_not_asked_again() -> None:
    bench = Bench(shadowed=True)
    for number in range(3):
        bench.edges.source.deliver(message("bad", id=number))
        finish(bench)
    assert list(bench.edges.scoring.models.values()) == ["tiny", SHADOW]
    assert agreement(bench.registry) == {SHADOW: Agreement(0, 3)}


def test_a_shadows_fault_parks_nothing() -> None:
    bench = Bench(shadowed=True)
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    bench.confirm_all()
    for _ in range(2):
        [request] = requests_to(bench, SHADOW)
        bench.edges.scoring.fail(request, Fault("error", "ValueError"))
        bench.turn()
    assert not requests_to(bench, SHADOW)
    assert bench.registry.values[metrics.SHADOW_MISSED] == {("input", SHADOW, "error"): 1}
    assert bench.registry.total(metrics.PARKED) == 0
    assert agreement(bench.registry) == {}


def test_pairs_of_tones_are_counted_by_name_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadow, "MAX_SERIES", 1)
    bench = Bench(shadowed=True)
    for number, text in enumerate(("good", "fine", "bad one", "bad two")):
        bench.edges.source.deliver(message(text, id=number))
        finish(bench)
    assert bench.registry.values[metrics.SHADOW] == {
        ("input", SHADOW, "neutral", "neutral"): 2,
        ("input", SHADOW, "others", "different"): 2,
    }
    assert agreement(bench.registry) == {SHADOW: Agreement(2, 4)}


def test_a_shadow_without_workers_holds_a_bounded_number_of_texts() -> None:
    bench = Bench(shadowed=True)
    more = 5
    for number in range(shadow.AT_MOST + more):
        bench.edges.source.deliver(message(f"text {number}", id=number))
    while len(bench.edges.source.acked) < shadow.AT_MOST + more:
        bench.turn()
        for request in requests_to(bench, "tiny"):
            bench.edges.scoring.score(request)
        bench.turn()
        bench.confirm_all()
    assert bench.registry.values[metrics.SHADOW_MISSED] == {("input", SHADOW, "busy"): more}


def test_texts_with_nothing_to_score_are_not_compared() -> None:
    bench = Bench(shadowed=True)
    bench.edges.source.deliver(message("  ", id=1))
    finish(bench)
    bench.confirm_all()
    assert len(bench.edges.source.acked) == 1
    assert bench.edges.scoring.models == {}


def test_a_lost_connection_forgets_comparisons_and_loses_no_message() -> None:
    bench = Bench(shadowed=True)
    bench.edges.source.deliver(message("good", id=1))
    bench.score_all()
    bench.confirm_all()
    bench.reconnect()
    bench.turn()
    assert bench.edges.scoring.asked == {}
    bench.edges.source.deliver(message("good", id=2))
    finish(bench)
    assert agreement(bench.registry) == {SHADOW: Agreement(1, 1)}
