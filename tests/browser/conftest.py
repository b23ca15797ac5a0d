from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
import structlog

from api.app import build
from connectors.embedded import Embedded, EmbeddedWorker
from daemon.status import incidents
from daemon.worker.task import result_maker
from tests import models
from tests.browser.chromium import chromium, missing
from tests.daemon.rooms import Room
from tests.serving import Serving
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from daemon.model.tone_model import ToneModel


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; where it is missing the test is skipped, and in CI it fails."""
    if reason := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def _told() -> Iterator[None]:
    """Have incidents kept as in a process of its own, where the log is set up so."""
    before = structlog.get_config()
    structlog.configure(
        processors=[incidents.remember, *before["processors"]],
        # a command that another test ran in this process may have left its own level
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    yield
    structlog.configure(**before)


class Site:
    """A daemon and the API over one embedded bus, and the page that the API serves.

    Attributes:
        room: The bus and the daemon.
        url: Of the page.
    """

    def __init__(self, directory: Path, model: ToneModel) -> None:
        self.room = Room(directory, model)
        app = build(
            self.room.settings,
            Embedded(
                self.room.broker, {models.NAME: EmbeddedWorker(result_maker(model, "embedded"))}
            ),
            self.room.store,
        )
        self._daemon: threading.Thread | None = None
        self._serving = Serving(app)
        self.url = self._serving.url

    def start_daemon(self) -> None:
        """Have the daemon work."""
        self._daemon = threading.Thread(target=self.room.service.run)
        self._daemon.start()
        until(lambda: self.room.service.ready)

    def stop_api(self) -> None:
        """End the API; the page stays open."""
        self._serving.stop()

    def close(self) -> None:
        self.room.signals.ask_stop()
        if self._daemon:
            self._daemon.join(30)
        self.stop_api()


@pytest.fixture
def site(model_directory: Path, tone_model: ToneModel) -> Iterator[Site]:
    made = Site(model_directory, tone_model)
    yield made
    made.close()
