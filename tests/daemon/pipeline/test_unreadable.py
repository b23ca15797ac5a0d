"""Replies that cannot be read are charged to their worker."""

from __future__ import annotations

from connectors.scoring.protocol import Scored, Unreadable
from tests import models
from tests.daemon.desk import Desk
from tests.daemon.scripted import MODEL, score_of


def test_an_answer_of_another_length_is_charged_to_the_worker_and_asked_again() -> None:
    desk = Desk(live=2)
    desk.want("good", "bad")
    desk.turn()
    request = desk.only_request()
    desk.scoring.asked.clear()
    desk.scoring.say(Scored(request, "w-1", MODEL, [score_of("good")], 0.1))
    desk.turn()
    assert desk.asked == []
    for _ in range(20):
        desk.later(2)
        [request] = desk.scoring.asked
        desk.scoring.asked.clear()
        desk.scoring.say(Unreadable(request))
        desk.turn()
    assert desk.outcomes == []
    assert desk.scorer.workers(models.NAME) == 0
    desk.later(2)
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert set(desk.results) == {"good", "bad"}
    assert desk.scorer.workers(models.NAME) == 2


def test_an_unreadable_reply_costs_a_text_nothing_and_is_asked_of_another_worker() -> None:
    desk = Desk(live=2)
    desk.want("text")
    desk.turn()
    request = desk.only_request()
    desk.scoring.asked.clear()
    desk.scoring.say(Unreadable(request))
    desk.turn()
    desk.later(2)
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.results == {"text": score_of("text")}


def test_workers_whose_replies_cannot_be_read_are_asked_again_and_count_when_one_can() -> None:
    desk = Desk(live=1)
    desk.want("text")
    for _ in range(3):
        desk.later(2)
        [request] = desk.scoring.asked
        desk.scoring.asked.clear()
        desk.scoring.say(Unreadable(request))
        desk.turn()
    assert desk.scorer.workers(models.NAME) == 0
    desk.later(2)
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.scorer.workers(models.NAME) == 1
    assert desk.results == {"text": score_of("text")}


def test_a_text_that_makes_replies_unreadable_keeps_no_worker_from_others_when_it_is_gone() -> None:
    desk = Desk(live=1)
    desk.want("text")
    for _ in range(3):
        desk.later(2)
        desk.scoring.say(Unreadable(desk.only_request()))
        desk.scoring.asked.clear()
        desk.turn()
    desk.scorer.withdraw(models.NAME, b"text", "requester of text")
    desk.later(6)
    # nothing is wanted any more, and the worker is still asked
    assert desk.asked == [[]]
    desk.scoring.say(Unreadable(desk.only_request()))
    desk.scoring.asked.clear()
    desk.turn()
    assert desk.scorer.workers(models.NAME) == 0
    desk.later(6)
    assert desk.asked == [[]]
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.scorer.workers(models.NAME) == 1
    desk.later(6)
    assert desk.asked == []
    assert desk.outcomes == []
