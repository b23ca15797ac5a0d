"""Bulk work takes the workers that others leave free, and no more."""

from __future__ import annotations

from daemon.settings import DaemonSettings
from tests import models
from tests.daemon.desk import made
from tests.daemon.scripted import ScriptedScoring
from tests.daemon.scripted_source import Clock


class Bulk:
    """A scorer that yields, with texts that always wait."""

    def __init__(self, workers: int) -> None:
        self.clock = Clock()
        self.scoring = ScriptedScoring(workers)
        self.scorer = made(self.clock, DaemonSettings(batch_texts=1), yields=True)
        for n in range(50):
            self.scorer.want(models.NAME, b"%d" % n, f"text {n}", "")
        self.turn()

    def turn(self, seconds: float = 0.0) -> None:
        self.clock.now += seconds
        self.scorer.collect(self.scoring.replies())
        self.scorer.ask(self.scoring)

    def take_up(self, waited: float) -> None:
        """Let a worker take up the batch that waits, and score it at once."""
        [request] = self.scoring.asked
        self.scoring.start(request)
        self.turn(waited)
        if request in self.scoring.asked:
            self.scoring.score(request)
        self.turn()


def test_one_batch_at_most_waits_for_a_worker() -> None:
    bulk = Bulk(workers=3)
    assert len(bulk.scoring.asked) == 1
    bulk.scoring.start("request-1")
    bulk.turn()
    assert len(bulk.scoring.asked) == 2


def test_a_worker_that_is_free_gets_the_next_batch_at_once() -> None:
    bulk = Bulk(workers=1)
    for _ in range(5):
        bulk.take_up(waited=0.01)
    assert len(bulk.scoring.urgent) == 6


def test_workers_that_others_keep_busy_are_left_alone_for_longer_each_time() -> None:
    bulk = Bulk(workers=1)
    for away in (0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0):
        bulk.take_up(waited=1.0)
        bulk.turn(away - 0.1)
        assert not bulk.scoring.asked
        bulk.turn(0.1)
        assert bulk.scoring.asked
    # a free one ends that
    bulk.take_up(waited=0.0)
    assert bulk.scoring.asked
    assert set(bulk.scoring.urgent) == {False}
