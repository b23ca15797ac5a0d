"""Two real workers, asked as a daemon asks them, while one is slow, killed, stopped or cut off."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from connectors.messages import Fault
from connectors.scoring.protocol import Failed, Scored, Started
from tests import models
from tests.chaos import wicked_worker
from tests.processes import running
from tests.proxy import proxied
from tests.waiting import until
from tests.workers import pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workers import Pair


@pytest.fixture
def two(own_broker_url: str, model_directory: Path, tmp_path: Path) -> Iterator[Pair]:
    with pair(own_broker_url, model_directory, tmp_path) as made:
        yield made


LOST = Fault("worker-lost")


def test_a_forward_may_take_longer_than_a_heartbeat(two: Pair) -> None:
    request = two.asker.ask(wicked_worker.DAWDLE)
    name = two.asker.started(request)
    two.asker.await_answer(request, Scored)
    assert two.asker.consumers == 2
    # another request, so that anything late would have come before its answer
    two.asker.await_answer(two.asker.ask("fine"), Scored)
    assert [type(answer) for answer in two.asker.to(request)] == [Started, Scored]
    assert not two.of(name).events("bus_unavailable")


def test_a_killed_worker_is_missed_at_once_and_its_successor_has_another_name(two: Pair) -> None:
    request = two.asker.ask(wicked_worker.DAWDLE)
    name = two.asker.started(request)
    victim = two.of(name)
    victim.signal(signal.SIGKILL)
    assert two.asker.await_answer(request, Failed) == Failed(request, LOST)
    # the one that reports the loss never had it, and is not to be charged
    assert two.asker.to(request) == [Started(request, name), Failed(request, LOST)]
    victim.wait_for("worker_ready", count=2)
    assert len(set(two.names(victim))) == 2
    until(lambda: two.asker.consumers == 2, two.asker.turn)


def test_a_stopped_worker_is_missed_and_its_score_still_comes(two: Pair) -> None:
    request = two.asker.ask(wicked_worker.DAWDLE)
    name = two.asker.started(request)
    victim = two.of(name)
    os.kill(victim.pid, signal.SIGSTOP)
    assert two.asker.await_answer(request, Failed) == Failed(request, LOST)
    os.kill(victim.pid, signal.SIGCONT)
    late = two.asker.await_answer(request, Scored)
    assert isinstance(late, Scored)
    assert late.worker == name
    until(lambda: two.asker.consumers == 2, two.asker.turn)
    assert victim.starts == 1


def test_a_worker_that_is_told_to_stop_finishes_a_long_forward(two: Pair) -> None:
    request = two.asker.ask(wicked_worker.DAWDLE)
    name = two.asker.started(request)
    os.kill(two.of(name).pid, signal.SIGTERM)
    two.asker.await_answer(request, Scored)
    two.of(name).wait_for("worker_stopped")
    two.asker.await_answer(two.asker.ask("fine"), Scored)
    # it kept its connection and acknowledged: the other worker was given nothing
    assert [type(answer) for answer in two.asker.to(request)] == [Started, Scored]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_stops_cleanly(
    broker_url: str, model_directory: Path, tmp_path: Path, number: signal.Signals
) -> None:
    config = tmp_path / "tonebus.toml"
    config.write_text(models.toml(model_directory), encoding="utf-8")
    env = {"TONEBUS_CONFIG": str(config), "TONEBUS_BROKER_URL": broker_url}
    with running("worker", env=env) as worker:
        os.kill(worker.pid, number)
        assert worker.popen.wait(60) == 0
        assert worker.events("worker_stopped")


def test_a_worker_that_is_cut_off_finishes_its_forward_before_it_takes_another(
    own_broker_url: str, model_directory: Path, tmp_path: Path
) -> None:
    with (
        proxied(own_broker_url) as (one, first),
        proxied(own_broker_url) as (other, second),
        pair(own_broker_url, model_directory, tmp_path, urls=(first, second)) as two,
    ):
        asker = two.asker
        request = asker.ask(wicked_worker.DAWDLE)
        name = asker.started(request)
        (one if two.of(name) is two.workers[0] else other).cut()
        assert asker.await_answer(request, Failed) == Failed(request, LOST)
        assert asker.consumers == 1
        assert not [answer for answer in asker.to(request) if isinstance(answer, Scored)]
        late = asker.await_answer(request, Scored)
        assert isinstance(late, Scored)
        assert late.worker == name
        until(lambda: asker.consumers == 2, asker.turn)
        assert two.of(name).starts == 1


def test_a_model_that_raises_fails_the_batch_and_the_worker_goes_on(two: Pair) -> None:
    request = two.asker.ask(wicked_worker.RAISE)
    failed = two.asker.await_answer(request, Failed)
    assert failed == Failed(request, Fault("error", "RuntimeError"))
    for _ in range(4):
        two.asker.await_answer(two.asker.ask("fine"), Scored)
    assert two.of(two.asker.to(request)[0].worker).starts == 1  # type: ignore[union-attr]


def test_a_forward_that_hangs_ends_its_worker_and_the_log_shows_where(
    own_broker_url: str, model_directory: Path, tmp_path: Path
) -> None:
    with pair(own_broker_url, model_directory, tmp_path, score_timeout=2) as two:
        request = two.asker.ask(wicked_worker.HANG)
        victim = two.of(two.asker.started(request))
        assert two.asker.await_answer(request, Failed) == Failed(request, LOST)
        victim.wait_for("worker_ready", count=2)
        assert "in _misbehave" in victim.log.read_text(encoding="utf-8")


def test_a_worker_with_a_wrong_password_ends_and_says_so(
    broker_url: str, model_directory: Path, tmp_path: Path
) -> None:
    config = tmp_path / "tonebus.toml"
    config.write_text(models.toml(model_directory), encoding="utf-8")
    url = broker_url.replace("guest:guest@", "guest:canary4711@")
    assert "canary4711" in url
    env = {"TONEBUS_CONFIG": str(config), "TONEBUS_BROKER_URL": url}
    with running("worker", env=env, ready="") as worker:
        assert worker.popen.wait(60) == 78
        said = worker.log.read_text(encoding="utf-8")
    assert "ACCESS_REFUSED" in said
    assert "check the user, password" in said
    assert "canary4711" not in said
    assert "Traceback" not in said
