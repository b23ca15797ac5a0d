"""Edges that keep the protocol and leave every decision to the test."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any

from connectors.amqp.wakeup import Wakeup
from connectors.errors import Unavailable
from connectors.messages import Model, Score
from connectors.ports import NO_HEADERS, Backlog, Fate, PublishOutcome
from connectors.scoring.protocol import Failed, Scored, Started
from tests.daemon.scripted_source import Clock, ScriptedSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from connectors.messages import Fault, OutgoingMessage
    from connectors.scoring.protocol import Reply

MODEL = Model("tiny", "r1")


def score_of(text: str, model: str = MODEL.name) -> Score:
    """A score that tells texts apart; another model than the usual finds some texts negative."""
    if model != MODEL.name and "bad" in text:
        return Score({"negative": 0.75, "neutral": 0.25}, tokens=len(text))
    return Score({"negative": 0.25, "neutral": 0.75}, tokens=len(text))


class ScriptedScoring:
    """Requests wait here until the test answers them.

    Attributes:
        live: Workers that listen.
        absent: Models for which none does.
        asked: Requests without a final answer, with their texts.
        models: Which model each was for.
        urgent: Whether each was urgent.
    """

    def __init__(self, live: int = 1) -> None:
        self.live = live
        self.absent: set[str] = set()
        self.asked: dict[str, list[str]] = {}
        self.models: dict[str, str] = {}
        self.urgent: list[bool] = []
        self._answers: list[Reply] = []
        self._numbers = itertools.count(1)

    def ask(
        self, model: str, texts: Sequence[str], *, urgent: bool, timeout: float,  # noqa: ARG002 - the protocol's
        headers: Mapping[str, str] = NO_HEADERS,  # noqa: ARG002 - as above
    ) -> str:  # fmt: skip
        request = f"request-{next(self._numbers)}"
        self.asked[request] = list(texts)
        self.models[request] = model
        self.urgent.append(urgent)
        return request

    def replies(self) -> list[Reply]:
        taken, self._answers = self._answers, []
        return taken

    def workers(self, model: str) -> int:
        return 0 if model in self.absent else self.live

    def start(self, request: str, worker: str = "w-1") -> None:
        """Say that a worker took a request up."""
        self._answers.append(Started(request, worker))

    def score(self, request: str, faults: dict[str, Fault] | None = None) -> None:
        """Answer a request, with faults for some of its texts."""
        name = self.models[request]
        model = MODEL if name == MODEL.name else Model(name, "r2")
        outcomes = [
            (faults or {}).get(text) or score_of(text, name) for text in self.asked.pop(request)
        ]
        self.say(Scored(request, "w-1", model, outcomes, 0.1))

    def fail(self, request: str, fault: Fault) -> None:
        """Let a whole request fail."""
        del self.asked[request]
        self.say(Failed(request, fault))

    def say(self, answer: Reply) -> None:
        self._answers.append(answer)


class ScriptedSink:
    """Messages wait here for the test's confirm.

    Attributes:
        waiting: Messages of which nothing was said yet, with their tokens.
        safe: Messages that were confirmed.
        replies: Messages that nobody will confirm.
        probes: Messages that went alone, since they may be forbidden.
        again: Bodies that were sent again while nothing was said of an earlier copy.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[OutgoingMessage, Any]] = []
        self.safe: list[OutgoingMessage] = []
        self.replies: list[OutgoingMessage] = []
        self.probes: list[OutgoingMessage] = []
        self.again: Counter[bytes] = Counter()
        self._outcomes: list[PublishOutcome[Any]] = []

    @property
    def unconfirmed(self) -> int:
        return len(self.waiting)

    def publish(self, message: OutgoingMessage, token: Any, *, probe: bool = False) -> None:
        # the publisher's tokens begin with what is published, and end with the copy of it
        self.again[message.body] += any(each[0] is token[0] for _, each in self.waiting)
        self.waiting.append((message, token))
        if probe:
            self.probes.append(message)

    def reply(self, message: OutgoingMessage) -> None:
        self.replies.append(message)

    def outcomes(self) -> list[PublishOutcome[Any]]:
        taken, self._outcomes = self._outcomes, []
        return taken

    def tell(
        self, place: int, *, safe: bool = True, fate: Fate = Fate.REFUSED, detail: str = ""
    ) -> OutgoingMessage:
        """Confirm the message at a place, or say what became of it."""
        message, token = self.waiting.pop(place)
        if safe:
            self.safe.append(message)
        self._outcomes.append(PublishOutcome(token, Fate.CONFIRMED if safe else fate, detail))
        return message


class ScriptedEdges:
    """A bus under the test's thumb.

    Attributes:
        broken: What the start of a connector raises.
    """

    source: ScriptedSource
    sink: ScriptedSink
    scoring: ScriptedScoring

    def __init__(self, clock: Clock, connectors: Sequence[str] = ("input",)) -> None:
        self.wakeup = Wakeup()
        self.blocked = False
        self.lost = False
        self._clock = clock
        self._connectors = connectors
        self.broken: dict[str, Exception] = {}
        self.open()
        for each in connectors:
            self.source.start(each)

    def open(self) -> None:
        self.lost = False
        self.source = ScriptedSource(self._clock, self.broken)
        self.sink = ScriptedSink()
        self.scoring = ScriptedScoring()

    def redeclare(self) -> None:
        pass

    def wait(self, seconds: float) -> None:  # noqa: ARG002 - the protocol's
        if self.lost:
            raise Unavailable("lost")

    def backlog(self, queue: str) -> Backlog | None:  # noqa: ARG002 - the protocol's
        return Backlog(0, None)

    def close(self) -> None:
        self.source.give_back()

    def drop(self) -> None:
        self.source.lose()
