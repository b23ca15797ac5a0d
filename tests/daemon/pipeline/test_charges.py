"""Who is charged for a fault of scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import structlog
from structlog.testing import capture_logs

from connectors.messages import Fault
from connectors.scoring.protocol import Failed, Scored, Started, Unreadable
from daemon.pipeline.charges import CHARGES
from tests import models
from tests.daemon.desk import Desk
from tests.daemon.scripted import MODEL, score_of

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

LOST = Fault("worker-lost")


def lose_workers(desk: Desk, *names: str) -> None:
    """Let one worker after the other die with what it was asked."""
    for name in names:
        desk.scoring.start(desk.only_request(), name)
        desk.turn()
        desk.scoring.fail(desk.only_request(), LOST)
        desk.turn()


def test_a_text_is_innocent_until_three_different_workers_died_with_it() -> None:
    desk = Desk()
    desk.want("text")
    desk.turn()
    lose_workers(desk, "w-1", "w-2")
    assert desk.outcomes == []
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.results == {"text": score_of("text")}


def test_a_text_that_kills_its_workers_takes_three_of_them_and_is_given_up() -> None:
    desk = Desk()
    desk.want("killer")
    desk.turn()
    lose_workers(desk, "w-1", "w-2", "w-3")
    assert desk.results == {"killer": LOST}
    assert desk.asked == []


def test_workers_that_lose_their_channel_and_go_on_prove_nothing_of_a_text() -> None:
    desk = Desk(live=9, score_timeout=600)
    desk.want("slow")
    desk.turn()
    for name in ("w-1", "w-2", "w-3", "w-4"):
        request = desk.only_request()
        lose_workers(desk, name)
        desk.scoring.say(Started(request, name))
        desk.turn()
    assert desk.outcomes == []
    lose_workers(desk, "w-5", "w-6", "w-7")
    assert desk.results == {"slow": LOST}


def test_a_request_that_comes_back_while_its_worker_goes_on_is_not_sent_again() -> None:
    desk = Desk(live=9, score_timeout=600)
    desk.want("slow")
    desk.turn()
    request = desk.only_request()
    for reply in (Started(request, "w-1"), Started(request, "w-1"), Failed(request, LOST)):
        desk.scoring.say(reply)
        desk.turn()
    assert desk.asked == [["slow"]]
    desk.later(601)
    assert desk.asked == [["slow"], ["slow"]], "a forward may not take for ever"


def test_after_a_worker_was_lost_with_a_batch_its_texts_are_asked_one_by_one() -> None:
    desk = Desk(live=9)
    desk.want(*(f"text {n}" for n in range(8)))
    desk.turn()
    lose_workers(desk, "w-1")
    assert desk.asked == [[f"text {n}"] for n in range(8)]
    assert desk.outcomes == []


def test_one_worker_that_is_cut_off_again_and_again_proves_nothing_of_a_text() -> None:
    desk = Desk(score_timeout=30)
    desk.want("text")
    desk.turn()
    for _ in range(10):
        desk.scoring.start(desk.only_request(), "w-1")
        desk.turn()
        desk.scoring.asked.clear()
        desk.later(31)
    assert desk.outcomes == []
    assert desk.asked == [["text"]]


def test_a_returned_request_that_no_worker_reported_to_have_charges_nobody() -> None:
    desk = Desk()
    desk.want("text")
    desk.turn()
    for _ in range(10):
        desk.scoring.fail(desk.only_request(), LOST)
        desk.turn()
    assert desk.outcomes == []
    assert desk.asked == [["text"]]


def test_a_late_score_of_a_text_that_is_still_wanted_counts() -> None:
    desk = Desk(live=2, score_timeout=30)
    desk.want("slow", "other")
    desk.turn()
    late = desk.only_request()
    desk.scoring.start(late)
    desk.turn()
    texts = desk.scoring.asked.pop(late)
    desk.later(31)
    assert desk.asked == [["slow"], ["other"]]
    desk.scoring.say(Scored(late, "w-1", MODEL, [score_of(text) for text in texts], 31))
    desk.turn()
    assert desk.results == {text: score_of(text) for text in texts}
    assert desk.scorer.waiting == 0
    for request in list(desk.scoring.asked):
        desk.scoring.score(request)
    desk.turn()
    assert len(desk.outcomes) == 2


@pytest.mark.parametrize("loss", [Failed("", LOST), Unreadable("")])
def test_a_score_that_follows_a_loss_counts(loss: Failed | Unreadable) -> None:
    desk = Desk(live=2)
    desk.want("text")
    desk.turn()
    request = desk.only_request()
    desk.scoring.start(request)
    desk.scoring.asked.clear()
    desk.scoring.say(msgspec.structs.replace(loss, request=request))
    desk.turn()
    # a worker that was only cut off goes on, and replies
    desk.scoring.say(Scored(request, "w-1", MODEL, [score_of("text")], 1))
    desk.turn()
    assert desk.results == {"text": score_of("text")}
    assert desk.scorer.waiting == 0


@pytest.fixture
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged since, as warnings or worse."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    with capture_logs() as found:
        yield found
    structlog.configure(**before)


def test_a_worker_that_is_too_slow_is_named(logged: list[MutableMapping[str, Any]]) -> None:
    desk = Desk(score_timeout=30)
    desk.want("text")
    desk.turn()
    desk.scoring.start(desk.only_request(), "slow@host")
    desk.later(29)
    assert not logged
    desk.later(31)
    [missed] = logged
    assert (missed["event"], missed["code"]) == ("worker_missed", "timeout")
    assert (missed["model"], missed["worker"]) == (models.NAME, "slow@host")


@pytest.mark.parametrize("lose", ["give back", "reconnect"])
def test_what_a_text_did_to_workers_is_known_when_it_comes_again(lose: str) -> None:
    desk = Desk()
    desk.want("killer")
    desk.turn()
    lose_workers(desk, "w-1", "w-2")
    if lose == "reconnect":
        desk.scorer.reset()
    else:
        desk.scorer.withdraw(models.NAME, b"killer", "requester of killer")
        desk.later(31)
    desk.scoring.asked.clear()
    desk.want("killer", "innocent")
    desk.turn()
    assert desk.asked[0] == ["killer"]
    lose_workers(desk, "w-3")
    assert desk.results == {"killer": LOST}


def test_workers_that_say_nothing_count_as_none_until_one_takes_a_request_up() -> None:
    desk = Desk(score_timeout=30, hold_seconds=120)
    desk.want("text")
    for _ in range(5):
        desk.later(31)
        desk.scoring.asked.clear()
    assert desk.scorer.workers(models.NAME) == 0
    desk.scorer.withdraw(models.NAME, b"text", "requester of text")
    desk.later(31)
    desk.turn()
    # nothing is wanted any more, and somebody is still asked
    assert desk.asked == [[]]
    desk.scoring.start(desk.only_request())
    desk.turn()
    assert desk.scorer.workers(models.NAME) == 1
    desk.scoring.score(desk.only_request())
    desk.turn()
    assert desk.asked == []
    assert desk.outcomes == []


def test_a_worker_that_comes_after_an_outage_counts_at_once() -> None:
    desk = Desk(score_timeout=30, hold_seconds=120)
    desk.want("text")
    desk.turn()
    desk.scoring.live = 0
    for _ in range(10):
        desk.later(31)
    desk.scoring.live = 1
    desk.later(1)
    assert desk.scorer.workers(models.NAME) == 1


def test_a_slow_forward_is_not_silence() -> None:
    desk = Desk(score_timeout=600, hold_seconds=120)
    desk.want("text")
    desk.turn()
    desk.scoring.start(desk.only_request())
    for _ in range(50):
        desk.later(10)
        assert desk.scorer.workers(models.NAME) == 1


def test_every_fault_that_a_worker_can_name_is_in_the_table() -> None:
    assert {"error", "not-finite", "out-of-memory", "worker-lost", "timeout"} <= CHARGES.keys()
