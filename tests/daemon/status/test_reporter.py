"""Daemons and workers write snapshots, and no failure of that stops their work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from connectors.cache import RedisStore
from connectors.embedded import EmbeddedStore
from connectors.messages import Model
from daemon.process.systemd import Supervisor
from daemon.process.watchdog import Watchdog
from daemon.settings import DaemonSettings
from daemon.status import snapshot
from daemon.status.reporter import Gauges, Reporter
from daemon.status.snapshot import DaemonSnapshot, HourSnapshot, WorkerSnapshot
from daemon.telemetry import metrics
from daemon.worker.report import WorkerReport
from daemon.worker.task import result_maker
from tests.daemon.rooms import Room
from tests.own.server import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pytest

    from connectors.cache import Store
    from daemon.model.tone_model import ToneModel


def read(store: Store) -> list[DaemonSnapshot | WorkerSnapshot | HourSnapshot]:
    return list(snapshot.decode(store.gather(snapshot.INDEX).values()))


def reporter(store: Store) -> Reporter:
    made = Reporter()
    watch = Watchdog(Supervisor({}), DaemonSettings())
    made.report_on(
        store, watch.look, lambda: Gauges(in_flight=3), revisions={"tiny": "r1"}, worst_case=10
    )
    return made


def test_a_daemon_tells_how_it_stands(model_directory: Path, tone_model: ToneModel) -> None:
    room = Room(model_directory, tone_model)
    room.tell("canary4711 was good", id="canary-id")
    room.send("{broken")
    room.settle()
    room.service._reporter.enter("working")
    room.service._reporter.tick()
    by_kind = {type(note): note for note in read(room.store)}
    note = by_kind[DaemonSnapshot]
    assert isinstance(note, DaemonSnapshot)
    assert (note.state, note.deliveries, note.events) == ("working", 2, 1)
    assert note.parked == {"json": 1}
    assert note.revisions == {"tiny": tone_model.identity.model.revision}
    assert note.memory > 0
    hour = by_kind[HourSnapshot]
    assert isinstance(hour, HourSnapshot)
    assert sum(sum(minute.tones.values()) for minute in hour.minutes) == 1
    assert b"canary" not in b"".join(room.store.gather(snapshot.INDEX).values())


def test_a_first_event_is_in_the_next_note_of_the_hour(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model)
    room.service._reporter.tick()
    room.tell("good", id="m-1")
    room.settle()
    room.service._reporter.enter("working")
    room.service._reporter.tick()
    [hour] = [note for note in read(room.store) if isinstance(note, HourSnapshot)]
    assert len(hour.minutes) == 1


def test_a_snapshot_expires_and_the_hour_stays() -> None:
    now = 0.0
    store = EmbeddedStore(clock=lambda: now)
    reporter(store).tick()
    assert {type(note) for note in read(store)} == {DaemonSnapshot, HourSnapshot}
    now = snapshot.CONNECTING_PATIENCE + snapshot.LIVE_SECONDS + 1
    assert {type(note) for note in read(store)} == {HourSnapshot}


def test_it_tells_at_most_once_a_second_unless_something_changes() -> None:
    posted: list[int] = []

    class Counting(EmbeddedStore):
        def post(self, index: bytes, writes: Sequence[tuple[bytes, bytes, int]]) -> None:
            posted.append(len(writes))
            super().post(index, writes)

    made = reporter(Counting())
    for _ in range(100):
        made.tick()
    assert len(posted) == 1
    made.enter("draining")
    made.tick()
    assert len(posted) == 2


def test_gauges_vanish_with_what_they_measured() -> None:
    made = Reporter()
    workers, pauses = {"tiny": 2, "other": 1}, {"input": "no-worker"}
    made.report_on(
        EmbeddedStore(), Watchdog(Supervisor({}), DaemonSettings()).look,
        lambda: Gauges(blocked=True, workers=workers, pauses=pauses), revisions={}, worst_case=10,
    )  # fmt: skip
    registry = made.registry
    made.enter("working")
    made.tick()
    assert registry.shown(metrics.WORKERS) == {("tiny",): 2, ("other",): 1}
    assert registry.shown(metrics.BLOCKED) == registry.shown(metrics.CONNECTED) == {(): 1}
    assert registry.shown(metrics.PAUSED) == {("input", "no-worker"): 1}
    # a reload took a model away, and the connector goes on
    del workers["other"], pauses["input"]
    made.enter("working")
    made.tick()
    assert registry.shown(metrics.WORKERS) == {("tiny",): 2}
    assert registry.shown(metrics.PAUSED) == {}
    # of a broker that is out of reach nothing is known
    made.enter("connecting")
    made.tick()
    assert registry.shown(metrics.WORKERS) == registry.shown(metrics.BLOCKED) == {}
    assert registry.shown(metrics.CONNECTED) == {(): 0}


def test_gauges_of_a_daemon_that_cannot_look_at_itself_vanish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [Gauges(in_flight=3)]
    made = Reporter()
    watch = Watchdog(Supervisor({}), DaemonSettings())
    # the second look raises, for there is none
    made.report_on(EmbeddedStore(), watch.look, looks.pop, revisions={}, worst_case=10)
    made.enter("working")
    made.tick()
    assert made.registry.shown(metrics.IN_FLIGHT) == {(): 3}
    later = time.monotonic() + snapshot.PATIENCE + snapshot.LIVE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    made.tick()
    assert made.registry.shown(metrics.IN_FLIGHT) == {}
    assert made.registry.shown(metrics.REPORTED)


def test_a_store_that_raises_stops_nothing() -> None:
    class Broken(EmbeddedStore):
        def post(self, *_: object) -> None:
            raise RuntimeError

    reporter(Broken()).tick()


def test_without_redis_it_goes_on() -> None:
    store = RedisStore(f"redis://127.0.0.1:{free_port()}/0", timeout=0.1)
    reporter(store).tick()
    assert store.fault
    assert store.gather(snapshot.INDEX) == {}


def test_redis_keeps_notes_as_the_embedded_store_does(redis_url: str) -> None:
    store = RedisStore(redis_url, timeout=1.0)
    reporter(store).tick()
    found = read(store)
    assert {type(note) for note in found} == {DaemonSnapshot, HourSnapshot}
    [note] = [each for each in found if isinstance(each, DaemonSnapshot)]
    assert note.in_flight == 3


def test_a_worker_tells_what_it_scored(tone_model: ToneModel) -> None:
    store = EmbeddedStore()
    report = WorkerReport(
        store, name="tiny", model=Model("tiny", "r1"), device="cpu", threads=1,
        precision=("int8", "it agrees"),
    )  # fmt: skip
    report.post()
    report.scored(result_maker(tone_model, "w")(["good", "canary4711"], {}))
    report.post()
    [note] = read(store)
    assert isinstance(note, WorkerSnapshot)
    assert (note.texts, note.revision, note.device, note.threads) == (2, "r1", "cpu", 1)
    assert (note.precision, note.why) == ("int8", "it agrees")
    assert note.rate > 0
    assert 0 < note.busy <= 1
    assert b"canary" not in b"".join(store.gather(snapshot.INDEX).values())
