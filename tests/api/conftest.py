from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from fastapi.testclient import TestClient

from api.app import build
from connectors.embedded import Embedded, EmbeddedBroker, EmbeddedStore, EmbeddedWorker
from daemon.settings import ApiSettings, ConnectorSettings, DaemonSettings, Settings
from daemon.worker.task import result_maker
from tests import models
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from fastapi import FastAPI

    from connectors.scoring.protocol import BatchResult
    from daemon.model.tone_model import ToneModel


class Service:
    """The HTTP service over embedded edges.

    Attributes:
        scored: Every batch that the worker was given.
        held: While set, the worker takes nothing on.
        poison: A text with this in it makes the model raise.
        edges: Those of the application that was made last.
    """

    def __init__(self, directory: Path, model: ToneModel) -> None:
        self._model = models.settings(directory)
        self._score = result_maker(model, "embedded")
        self._stack = ExitStack()
        self._workers: dict[str, EmbeddedWorker] = {}
        self.scored: list[list[str]] = []
        self.may_work = threading.Event()
        self.may_work.set()
        self.poison = "poison"

    def settings(
        self,
        *,
        connectors: tuple[ConnectorSettings, ...] = (),
        names: tuple[str, ...] = (models.NAME,),
        max_text_chars: int = 20_000,
        **api: Any,
    ) -> Settings:
        return Settings(
            models=tuple(msgspec.structs.replace(self._model, name=name) for name in names),
            connectors=connectors,
            daemon=DaemonSettings(batch_seconds=60, max_text_chars=max_text_chars),
            api=ApiSettings(**({"predict_timeout": 60.0} | api)),
        )

    def client(self, *, workers: bool = True, **settings: Any) -> TestClient:
        """A client of a service that has just started, and has a worker or none."""
        app = self.app(workers=workers, **settings)
        client = self._stack.enter_context(TestClient(app))
        until(lambda: not app.state.predictor.fault)
        if workers:
            until(lambda: app.state.predictor.workers(models.NAME))
        return client

    def app(self, *, workers: bool = True, **settings: Any) -> FastAPI:
        """The application, not running yet."""
        if workers:
            self.start_worker()
        self.edges = Embedded(EmbeddedBroker(), self._workers)
        return build(self.settings(**settings), self.edges, EmbeddedStore())

    def start_worker(self) -> None:
        self._workers[models.NAME] = EmbeddedWorker(self._work)

    def stop_worker(self) -> None:
        """Have it found gone at the next count; what it holds it never answers."""
        del self._workers[models.NAME]

    def close(self) -> None:
        self.may_work.set()
        self._stack.close()

    def _work(self, texts: Sequence[str], headers: Mapping[str, Any]) -> BatchResult:
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
