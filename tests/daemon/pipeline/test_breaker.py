"""Bad messages pause their connector, many bad texts their model, and one message nobody."""

from __future__ import annotations

import json

from connectors.messages import Fault
from tests.daemon.bench import Bench, message

ERROR = Fault("error", "ValueError")
TEXTS, MESSAGES = 60, 60


def fail_all(bench: Bench) -> None:
    """Have the model fail on every text."""
    for _ in range(20 * TEXTS):
        if not bench.scorer.waiting:
            break
        bench.turn()
        for request, texts in list(bench.edges.scoring.asked.items()):
            bench.edges.scoring.score(request, dict.fromkeys(texts, ERROR))
    bench.turn()


def test_one_message_of_many_bad_texts_pauses_nobody() -> None:
    bench = Bench(("a", "b"), share=0.5)
    texts = [f"bad {n}" for n in range(TEXTS)]
    bench.edges.source.deliver(json.dumps({"text": texts}).encode(), connector="a")
    bench.turn()
    fail_all(bench)
    bench.clock.now += 1
    bench.turn()
    assert not bench.intake.pauses
    assert len(bench.edges.sink.waiting) == 1


def test_a_model_that_fails_on_most_messages_pauses_all_that_it_scores() -> None:
    bench = Bench(("a", "b"), share=0.5)
    for n in range(MESSAGES):
        bench.edges.source.deliver(message(f"bad {n}", id=n), connector="a")
    bench.turn()
    fail_all(bench)
    bench.clock.now += 1
    bench.turn()
    assert {each.reason for each in bench.intake.pauses.values()} == {"bad-scores"}
    assert set(bench.intake.pauses) == {"a", "b"}
