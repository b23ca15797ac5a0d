"""The daemon as a process: it reconnects, drains and ends in order."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.connection import Garbled, Refused
from connectors.errors import Misconfigured, Unavailable
from daemon.process import service
from daemon.process.signals import Signals
from tests.daemon.rooms import QUEUE, SEEN, Room
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daemon.model.tone_model import ToneModel
    from daemon.process.service import Service


@pytest.fixture
def room(model_directory: Path, tone_model: ToneModel) -> Room:
    return Room(model_directory, tone_model, drain_seconds=20)


@contextmanager
def running(room: Room, service: Service) -> Iterator[threading.Thread]:
    """Run a service in a thread, and end it with the block."""
    thread = threading.Thread(target=service.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        room.signals.ask_stop()
        room.signals.ask_stop()
        thread.join(30)
        assert not thread.is_alive()


def test_a_message_is_served_until_it_is_told_to_stop(room: Room) -> None:
    with running(room, room.service) as thread:
        room.tell("good", id="m-1")
        until(lambda: room.broker.depth(SEEN) == 1)
        room.signals.ask_stop()
        thread.join(30)
        assert not thread.is_alive()
    assert room.broker.depth(QUEUE) == 0


def test_what_it_holds_is_finished_before_it_ends(room: Room) -> None:
    room.held.set()
    with running(room, room.service) as thread:
        for n in range(10):
            room.tell(f"number {n}", id=n)
        until(lambda: room.service.pipeline.in_flight == 10)
        room.signals.ask_stop()
        until(lambda: not room.edges.source._consumers["input"].prefetch)  # it consumes no more
        room.tell("too late", id="late")
        room.held.clear()
        thread.join(30)
        assert not thread.is_alive()
    assert {event["subject"] for event in room.events()} == {str(n) for n in range(10)}
    assert room.broker.depth(QUEUE) == 1


def test_told_twice_it_ends_at_once_and_returns_what_it_holds(room: Room) -> None:
    room.held.set()
    with running(room, room.service) as thread:
        for n in range(10):
            room.tell(f"number {n}", id=n)
        until(lambda: room.service.pipeline.in_flight == 10)
        room.signals.ask_stop()
        room.signals.ask_stop()
        thread.join(30)
        assert not thread.is_alive()
    assert room.broker.depth(QUEUE) == 10
    room.held.clear()


def test_after_a_lost_connection_it_starts_again_and_nothing_is_missing(room: Room) -> None:
    losses = 3
    wait = room.edges.wait

    def flaky(seconds: float) -> None:
        nonlocal losses
        wait(seconds)
        if losses and room.service.pipeline.in_flight:
            losses -= 1
            raise Unavailable("lost")

    room.edges.wait = flaky  # type: ignore[method-assign]
    with running(room, room.service):
        for n in range(10):
            room.tell(f"number {n}", id=n)
        until(lambda: not room.broker.depth(QUEUE) and not room.service.pipeline.in_flight)
        until(lambda: room.broker.depth(SEEN) == 10)
    assert losses < 3
    assert {event["subject"] for event in room.events()} == {str(n) for n in range(10)}


@pytest.mark.parametrize(("lost", "losses"), [(Garbled("541"), 1), (Unavailable("lost"), 3)])
def test_connections_lost_while_consumers_start_lead_to_one_delivery_at_a_time(
    room: Room, lost: Unavailable, losses: int
) -> None:
    starting = room.service.intake.start
    left = losses
    quarantined: list[bool] = []

    def dying(*, first: bool = False) -> None:
        nonlocal left
        starting(first=first)
        quarantined.append(room.service.intake.quarantined)
        if left:
            left -= 1
            raise lost

    room.service.intake.start = dying  # type: ignore[method-assign]
    with running(room, room.service):
        room.tell("good", id="m-1")
        until(lambda: room.broker.depth(SEEN) == 1)
    assert quarantined == [*[False] * losses, True]


def test_thousands_of_losses_in_a_row_end_no_daemon(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_LONGEST_PAUSE", 0.0)
    for _ in range(2000):
        room.service._lose(Unavailable("lost"), 0.0, free=False)
    assert room.service.intake.quarantined


def test_a_broker_that_does_not_answer_at_first_is_tried_until_it_does(room: Room) -> None:
    failures = 2
    opened = room.edges.open

    def late() -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise Unavailable("nobody there")
        opened()

    room.edges.open = late  # type: ignore[method-assign]
    with running(room, room.service):
        room.tell("good", id="m-1")
        until(lambda: room.broker.depth(SEEN) == 1)
    assert failures == 0


@pytest.mark.parametrize(
    "error", [Refused("ACCESS_REFUSED"), Misconfigured("queue 'x' cannot be declared")]
)
def test_what_can_never_work_ends_the_start_with_the_reason(room: Room, error: Exception) -> None:
    def refused() -> None:
        raise error

    room.edges.open = refused  # type: ignore[method-assign]
    with pytest.raises(Misconfigured, match=str(error)):
        room.service.run()


def test_while_it_cannot_connect_it_can_be_stopped(room: Room) -> None:
    tried = threading.Event()

    def never() -> None:
        tried.set()
        raise Unavailable("nobody there")

    room.edges.open = never  # type: ignore[method-assign]
    with running(room, room.service) as thread:
        assert tried.wait(30)
        room.signals.ask_stop()
        thread.join(30)
        assert not thread.is_alive()


def test_settings_that_cannot_be_read_are_refused_and_the_work_goes_on() -> None:
    def unreadable() -> None:
        raise Misconfigured("not valid TOML")

    signals = Signals(unreadable)  # type: ignore[arg-type]  # it never returns
    signals.ask_reload()
    assert not signals.called()
    assert signals.settings is None
