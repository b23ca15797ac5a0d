"""How long a loop sleeps before a turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.daemon.desk import made
from tests.daemon.scripted import ScriptedEdges
from tests.daemon.scripted_source import Clock
from tests.models import NAME

if TYPE_CHECKING:
    from daemon.pipeline.scorer import Scorer

_SLEEPS = 5
_LONG = 60.0


class Dozer(ScriptedEdges):
    """Edges that count sleeps, and let a worker answer during one of them.

    Attributes:
        sleeps: Seconds of each.
    """

    def __init__(self) -> None:
        super().__init__(Clock())
        self.sleeps: list[float] = []

    def wait(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        if len(self.sleeps) == _SLEEPS:
            for request in list(self.scoring.asked):
                self.scoring.score(request)


def asking(edges: Dozer, *texts: str, models: tuple[str, ...] = (NAME,)) -> Scorer[str]:
    scorer = made(Clock(), names=models)
    for text in texts:
        scorer.want(models[0], text.encode(), text, text)
    scorer.ask(edges.scoring)
    return scorer


def test_while_the_only_worker_is_busy_it_sleeps_until_that_answers() -> None:
    edges = Dozer()
    busy = asking(edges, "good")
    answers = busy.gather(edges, 1.0, linger=_LONG)
    assert len(answers) == 1
    assert len(edges.sleeps) == _SLEEPS
    assert edges.sleeps[0] == 1.0
    assert all(0 < seconds <= _LONG for seconds in edges.sleeps[1:])


def test_a_model_that_nobody_asks_keeps_no_worker_free() -> None:
    edges = Dozer()
    busy = asking(edges, "good", models=("english", "others"))
    assert len(busy.gather(edges, 1.0, linger=_LONG)) == 1


@pytest.mark.parametrize(
    ("workers", "texts"),
    [
        pytest.param(2, ["good"], id="one of two workers is free"),
        pytest.param(1, [], id="there is nothing to do"),
        pytest.param(0, ["good"], id="there is no worker"),
    ],
)
def test_it_sleeps_once_where(workers: int, texts: list[str]) -> None:
    edges = Dozer()
    edges.scoring.live = workers
    assert asking(edges, *texts).gather(edges, 1.0, linger=_LONG) == []
    assert edges.sleeps == [1.0]


def test_what_was_answered_already_ends_it() -> None:
    edges = Dozer()
    busy = asking(edges, "good")
    edges.scoring.start(next(iter(edges.scoring.asked)))
    assert len(busy.gather(edges, 1.0, linger=_LONG)) == 1
    assert edges.sleeps == [1.0]
