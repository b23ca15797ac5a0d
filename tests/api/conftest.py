from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from api.app import build
from connectors.embedded import Embedded, EmbeddedBroker, EmbeddedStore, EmbeddedWorker
from daemon.settings import ApiSettings, DaemonSettings, Settings
from daemon.worker.app import sheet_maker
from tests import models
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from fastapi import FastAPI

    from connectors.scoring.protocol import Sheet
    from daemon.model.scorer import ToneModel


class Service:
    """The HTTP service over embedded edges.

    Attributes:
        scored: Every batch that the worker was given.
        held: While set, the worker takes nothing on.
        poison: A text with this in it makes the model raise.
    """

    def __init__(self, directory: Path, model: ToneModel) -> None:
        self._model = models.settings(directory)
        self._score = sheet_maker(model, "embedded")
        self._stack = ExitStack()
        self.scored: list[list[str]] = []
        self.may_work = threading.Event()
        self.may_work.set()
        self.poison = "poison"

    def settings(self, **api: Any) -> Settings:
        return Settings(
            models=(self._model,),
            connectors=(),
            daemon=DaemonSettings(batch_seconds=60),
            api=ApiSettings(**({"predict_timeout": 60.0} | api)),
        )

    def client(self, *, workers: bool = True, **api: Any) -> TestClient:
        """A client of a service that has just started, and has a worker or none."""
        app = self.app(workers=workers, **api)
        client = self._stack.enter_context(TestClient(app))
        until(lambda: not app.state.predictor.fault)
        if workers:
            until(lambda: app.state.predictor.workers(models.NAME))
        return client

    def app(self, *, workers: bool = True, **api: Any) -> FastAPI:
        """The application, not running yet."""
        live = {models.NAME: EmbeddedWorker(self._work)} if workers else {}
        return build(self.settings(**api), Embedded(EmbeddedBroker(), live), EmbeddedStore())

    def close(self) -> None:
        self.may_work.set()
        self._stack.close()

    def _work(self, texts: Sequence[str], headers: Mapping[str, Any]) -> Sheet:
        assert self.may_work.wait(60)
        self.scored.append(list(texts))
        if any(self.poison in text for text in texts):
            raise ValueError("the model raised")
        return self._score(texts, headers)


@pytest.fixture
def service(model_directory: Path, tone_model: ToneModel) -> Iterator[Service]:
    made = Service(model_directory, tone_model)
    yield made
    made.close()
