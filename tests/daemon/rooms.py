"""The whole message path in this process: embedded edges, and a real tiny model."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.amqp import topology
from connectors.embedded import Embedded, EmbeddedBroker, EmbeddedStore, EmbeddedWorker
from connectors.messages import OutgoingMessage
from daemon.process import wiring
from daemon.process.service import Service
from daemon.process.signals import Signals
from daemon.settings import ConnectorSettings, DaemonSettings, Settings
from daemon.worker.task import result_maker
from tests import models
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from connectors.embedded.broker import Message
    from connectors.scoring.protocol import BatchResult
    from daemon.model.tone_model import ToneModel
    from daemon.telemetry.tracer import Tracer

SEEN = "seen"
QUEUE = topology.source_queue("input")


def settings(
    directory: Path, connector: ConnectorSettings | None = None, **daemon: Any
) -> Settings:
    """One connector, the default one if none is given, read with the tiny model."""
    connector = connector or ConnectorSettings()
    return Settings(
        models=(models.settings(directory),),
        connectors=(msgspec.structs.replace(connector, model=models.NAME),),
        daemon=DaemonSettings(**daemon),
    )


class Room:
    """A bus with one daemon on it, and a queue that receives every event.

    Attributes:
        scored: Every batch that the worker was given.
        poison: A text with one of these in it makes the model raise.
        held: While set, the worker takes its time.
    """

    def __init__(
        self,
        directory: Path,
        model: ToneModel,
        connector: ConnectorSettings | None = None,
        *,
        tracer: Tracer | None = None,
        **daemon: Any,
    ) -> None:
        self._tracer = tracer
        self.settings = settings(directory, connector, **daemon)
        self.broker = EmbeddedBroker()
        self.store = EmbeddedStore()
        self.scored: list[list[str]] = []
        self.poison: set[str] = set()
        self.held = threading.Event()
        self._score = result_maker(model, "embedded", tracer)
        self._workers = {models.NAME: EmbeddedWorker(self._work)}
        self.service = self.new_service()
        bound = topology.Binding(topology.RESULTS, SEEN, "#")
        self.broker.declare(
            topology.Topology(queues=(topology.Queue(SEEN, {}),), bindings=(bound,))
        )
        self.open()

    def open(self) -> None:
        """Connect, and consume."""
        self.edges.open()
        self.service.intake.start()

    def new_service(self) -> Service:
        """A daemon, as after a restart: nothing is left of the one before."""
        self.edges = Embedded(
            self.broker,
            self._workers,
            subscriptions=wiring.subscriptions(self.settings),
            prefetch=100,
        )
        self.signals = Signals(lambda: self.settings)
        self.service = Service(
            self.settings, self.edges, self.store, self.signals, tracer=self._tracer
        )
        return self.service

    def send(self, body: bytes | str, **properties: Any) -> None:
        """Publish to the input as an upstream would."""
        raw = body.encode() if isinstance(body, str) else body
        self.broker.publish(OutgoingMessage("sentiment.input", "key", raw, properties))

    def tell(self, text: str, **fields: Any) -> None:
        """Publish a text as JSON."""
        self.send(json.dumps({"text": text, **fields}))

    def settle(self) -> None:
        """Take turns until every message is acknowledged."""
        until(
            lambda: not self.broker.depth(QUEUE) and not self.service.pipeline.in_flight,
            lambda: self.service.pipeline.turn(0.05),
        )

    def events(self) -> list[dict[str, Any]]:
        """The events since the last call."""
        return [json.loads(each.body) for each in self.broker.take(SEEN, 10_000)]

    def parked(self) -> list[Message]:
        """The parked messages since the last call."""
        return self.broker.take(topology.PARKED, 10_000)

    def _work(self, texts: Sequence[str], headers: Mapping[str, Any]) -> BatchResult:
        until(lambda: not self.held.is_set())
        self.scored.append(list(texts))
        if any(word in text for text in texts for word in self.poison):
            raise ValueError("the model raised")
        return self._score(texts, headers)
