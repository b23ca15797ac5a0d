"""What the API knows of the processes that report, or no longer do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from connectors.embedded import EmbeddedStore
from connectors.messages import Model
from daemon.status import snapshot
from daemon.worker.report import WorkerReport
from tests.snapshots import daemon

if TYPE_CHECKING:
    import pytest

    from api.status.poller import Poller
    from tests.api.conftest import Service


def poller(service: Service) -> Poller:
    made: Poller = service.app().state.poller
    return made


def worker_of(*names: str) -> dict[bytes, bytes]:
    """What one worker of several models writes."""
    store = EmbeddedStore()
    for name in names:
        report = WorkerReport(store, name=name, model=Model(name, "r"), device="cpu", threads=1)
        report.post()
    return dict(store.gather(snapshot.INDEX))


def test_what_a_process_writes_is_what_the_page_shows(service: Service) -> None:
    watch = poller(service)
    watch._take({b"d": snapshot.encode(daemon()), **worker_of("tiny")})
    found = watch.status().model_dump(mode="json")
    assert [each["pid"] for each in found["daemons"]] == [7]
    assert [(each["serves"], each["texts"]) for each in found["workers"]] == [("tiny", 0)]
    assert found["rates"]["events"] == 2
    assert found["shadow"] == {"next": {"same": 3, "of": 4}}


def test_what_is_no_snapshot_hides_no_other(service: Service) -> None:
    watch = poller(service)
    watch._take({b"a": b"{}", b"b": snapshot.encode(daemon()), b"c": b'{"type":"daemon"}'})
    assert len(watch.status().daemons) == 1


def test_a_worker_of_two_models_that_ended_is_missed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, written = poller(service), worker_of("one", "other")
    watch._take(written)
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 5)
    watch._take(written)
    assert [each.silent >= 5 for each in watch.status().workers] == [True, True]
