"""Who is charged when a batch fails, and which requests wait."""

from __future__ import annotations

from connectors.messages import Fault, Score
from connectors.scoring.protocol import Failed, Scored, Started
from tests import models
from tests.daemon.desk import ERROR, Desk, made
from tests.daemon.scripted import MODEL, ScriptedScoring, score_of
from tests.daemon.scripted_source import Clock


def test_a_first_worker_is_found_soon_after_it_starts() -> None:
    desk = Desk(live=0)
    desk.want("good")
    desk.turn()
    desk.scoring.live = 1
    desk.later(0.1)
    assert desk.asked == [["good"]]


def test_equal_texts_are_scored_once_for_all_who_wait() -> None:
    desk = Desk()
    desk.want("good", "bad", "good")
    desk.turn()
    desk.want("good")
    desk.turn()
    assert desk.asked == [["good", "bad"]]
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert {outcome.request.text: len(outcome.request.requesters) for outcome in desk.outcomes} == {
        "good": 3,
        "bad": 1,
    }
    assert all(outcome.model == MODEL for outcome in desk.outcomes)
    assert desk.scorer.waiting == 0
    assert desk.scorer.in_flight == 0


def test_a_text_wanted_again_after_its_outcome_is_scored_again() -> None:
    desk = Desk()
    for _ in range(2):
        desk.want("good")
        desk.turn()
        desk.scoring.score(desk.only_request())
        desk.turn()
    assert len(desk.outcomes) == 2


def withdraw(desk: Desk, *texts: str) -> None:
    for text in texts:
        desk.scorer.withdraw(models.NAME, text.encode(), f"requester of {text}")


def test_a_text_that_nobody_waits_for_any_more_is_not_sent() -> None:
    desk = Desk(live=0)
    desk.want("good", "bad", "good", "fine")
    withdraw(desk, "good", "bad")
    assert desk.scorer.waiting == 2  # one of the two who want "good" waits still
    desk.scoring.live = 1
    desk.later(1)
    assert desk.asked == [["good", "fine"]]


def test_a_text_that_is_withdrawn_and_wanted_again_is_scored_once() -> None:
    desk = Desk(live=0)
    desk.want("good")
    withdraw(desk, "good", "good")
    assert desk.scorer.waiting == 0
    desk.want("good")
    desk.scoring.live = 1
    desk.later(1)
    assert desk.asked == [["good"]]
    assert desk.scorer.requesters() == ["requester of good"]


def test_a_text_that_is_withdrawn_while_a_worker_has_it_still_gets_its_score() -> None:
    desk = Desk()
    desk.want("good")
    desk.turn()
    withdraw(desk, "good")
    desk.scoring.score(desk.only_request())
    desk.turn()
    [outcome] = desk.outcomes
    assert isinstance(outcome.result, Score)
    assert outcome.request.requesters == []
    assert desk.scorer.waiting == 0


def test_a_batch_that_failed_is_asked_again_only_for_those_who_still_wait() -> None:
    desk = Desk()
    desk.want("good", "bad", "fine", "late")
    desk.turn()
    withdraw(desk, "good", "bad", "fine")
    desk.scoring.fail(desk.only_request(), ERROR)
    desk.turn()
    assert desk.asked == [["late"]]
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert list(desk.results) == ["late"]
    assert desk.scorer.waiting == 0


def test_each_worker_has_one_batch_and_none_waits_behind_it() -> None:
    desk = Desk(live=2, batch_texts=1)
    desk.want(*(f"text {n}" for n in range(10)))
    desk.turn()
    assert len(desk.asked) == 2
    desk.scoring.score(next(iter(desk.scoring.asked)))
    desk.turn()
    assert len(desk.asked) == 2


def test_a_free_worker_leaves_something_for_the_busy_one() -> None:
    desk = Desk(live=2)
    desk.want("first")
    desk.turn()
    desk.want(*(f"text {n}" for n in range(24)))
    desk.turn()
    assert [len(texts) for texts in desk.asked] == [1, 16]


def test_a_failed_batch_is_split_until_the_guilty_text_stands_alone_and_is_given_up() -> None:
    desk = Desk()
    desk.want(*(f"text {n}" for n in range(8)))
    desk.turn()
    sizes = []
    for _ in range(50):
        for request, texts in list(desk.scoring.asked.items()):
            sizes.append(len(texts))
            if "text 5" in texts:
                desk.scoring.fail(request, ERROR)
            else:
                desk.scoring.score(request)
        desk.turn()
        if not desk.scorer.waiting:
            break
    assert desk.results == {
        f"text {n}": ERROR if n == 5 else score_of(f"text {n}") for n in range(8)
    }
    assert sizes.count(1) == 3  # the guilty one twice, its last neighbour once
    [given_up] = [outcome for outcome in desk.outcomes if isinstance(outcome.result, Fault)]
    assert given_up.request.record.attempts == 2
    assert given_up.model is None


def test_a_text_that_fails_alone_once_is_tried_again() -> None:
    desk = Desk()
    desk.want("text")
    desk.turn()
    desk.scoring.fail(desk.only_request(), ERROR)
    desk.turn()
    assert desk.outcomes == []
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.results == {"text": score_of("text")}


def test_a_batch_that_names_its_failed_member_costs_the_others_nothing() -> None:
    desk = Desk()
    desk.want("good", "nan", "bad")
    desk.turn()
    faults = {"nan": Fault("not-finite")}
    desk.scoring.score(desk.only_request(), faults)
    desk.turn()
    assert set(desk.results) == {"good", "bad"}
    assert desk.asked == [["nan"]]
    desk.scoring.score(desk.only_request(), faults)
    desk.turn()
    assert desk.results["nan"] == Fault("not-finite")


def test_stale_and_foreign_answers_are_for_nobody() -> None:
    desk = Desk()
    desk.want("good")
    desk.turn()
    request = desk.only_request()
    desk.scoring.say(Scored("request-of-another", "w-1", MODEL, [score_of("x")], 0.1))
    desk.scoring.say(Failed("request-of-another", ERROR))
    desk.scoring.say(Started("request-of-another", "w-1"))
    desk.turn()
    assert desk.outcomes == []
    desk.scoring.score(request)
    desk.turn()
    desk.scoring.say(Scored(request, "w-1", MODEL, [score_of("x")], 0.1))
    desk.turn()
    assert len(desk.outcomes) == 1


def test_without_a_worker_nothing_is_asked_and_nothing_charged() -> None:
    desk = Desk(live=0)
    desk.want("good")
    for _ in range(100):
        desk.later(10)
    assert desk.asked == []
    assert desk.outcomes == []
    desk.scoring.live = 1
    desk.later(2)
    assert desk.asked == [["good"]]
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.results == {"good": score_of("good")}


def test_a_request_that_no_worker_took_up_is_asked_again_and_never_charged() -> None:
    desk = Desk(score_timeout=30)
    desk.want("good", "bad")
    desk.turn()
    for _ in range(10):
        desk.scoring.asked.clear()  # the queue was purged
        desk.later(31)
        assert desk.asked == [["good", "bad"]]
    assert desk.outcomes == []


def test_a_batch_within_its_time_is_left_alone() -> None:
    desk = Desk(score_timeout=30)
    desk.want("good")
    desk.turn()
    desk.later(29)
    desk.scoring.start(desk.only_request())
    desk.turn()
    desk.later(29)  # the time runs from the moment that a worker took it up
    assert len(desk.asked) == 1


def test_a_batch_that_hangs_in_a_worker_is_charged_to_its_texts() -> None:
    desk = Desk(live=2, score_timeout=30)
    desk.want("good", "bad")
    desk.turn()
    desk.scoring.start(desk.only_request())
    desk.turn()
    desk.scoring.asked.clear()
    desk.later(31)
    assert desk.asked == [["good"], ["bad"]]


def test_the_batch_of_a_worker_that_was_lost_is_split_at_once() -> None:
    desk = Desk(live=2)
    desk.want("good", "bad")
    desk.turn()
    request = desk.only_request()
    desk.scoring.start(request, "w-9")
    desk.turn()
    desk.scoring.fail(request, Fault("worker-lost"))
    desk.turn()
    assert desk.asked == [["good"], ["bad"]]


def test_after_a_reset_nothing_is_wanted_and_old_answers_are_for_nobody() -> None:
    desk = Desk()
    desk.want("good")
    desk.turn()
    desk.scorer.reset()
    assert desk.scorer.waiting == desk.scorer.in_flight == 0
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.outcomes == []


def test_urgency_travels_with_the_request() -> None:
    for urgent in (True, False):
        scoring = ScriptedScoring()
        scorer = made(Clock(), urgent=urgent)
        scorer.want(models.NAME, b"k", "good", "requester")
        scorer.ask(scoring)
        assert scoring.urgent == [urgent]


def test_a_score_is_remembered_also_where_nobody_waits_for_it_any_more() -> None:
    desk = Desk()
    desk.want("good", "bad")
    desk.turn()
    desk.scorer.withdraw(models.NAME, b"bad", "requester of bad")
    desk.scoring.score(desk.only_request())
    desk.turn()
    keys = [desk.cache.score_key(MODEL, "none", text) for text in ("good", "bad", "other")]
    desk.cache.look_up([])
    scores, _ = desk.cache.look_up(keys)
    assert [scores.get(key) for key in keys] == [score_of("good"), score_of("bad"), None]
