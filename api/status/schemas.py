"""What `/status` and `/events` say."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

State = Literal["healthy", "degraded", "down", "starting"]


class Part(BaseModel):
    """One part that Tonebus stands on.

    `state` is `healthy`, `degraded` (it works, but not as it should), `down` (nothing is labelled
    without it) or `starting`.
    """

    title: str
    ok: bool
    state: State
    detail: str = ""
    fix: str = ""


class Health(BaseModel):
    """Whether the process can do its work; `detail` says why not."""

    status: Literal["ok", "failed"]
    detail: str = ""


class Readiness(BaseModel):
    """Whether this process answers requests, and beside it how each part of the whole stands."""

    ready: bool
    parts: dict[str, Part]


class Rates(BaseModel):
    """How many a second, over the last ten seconds, all daemons together."""

    deliveries: float = 0.0
    events: float = 0.0
    scored: float = 0.0
    parked: float = 0.0


class Latency(BaseModel):
    """Seconds from delivery to the confirmed event, over the last minute."""

    p50: float
    p95: float
    p99: float


class Minute(BaseModel):
    """The events of one minute by tone; `start` is in seconds since the epoch."""

    start: int
    tones: dict[str, int]


class Queue(BaseModel):
    """A queue; `consumers` is null where it cannot be told."""

    name: str
    role: Literal["source", "scoring", "parked", "unrouted"]
    messages: int
    consumers: int | None


class ModelStatus(BaseModel):
    """A model and the workers that listen to its queue."""

    name: str
    revision: str
    workers: int


class ReportedIncident(BaseModel):
    """Something that went wrong, in plain words, with what to do."""

    code: str
    words: str
    fix: str
    first: float
    last: float
    count: int
    who: str


class Daemon(BaseModel):
    """A daemon that reports, or did until a moment ago.

    `silent` is how many seconds ago it was last heard, by this process's clock; `lost` says that
    it should have been heard since. `pauses` says of each connector that it does not consume, why.
    """

    instance: str
    host: str
    pid: int
    version: str
    since: float
    silent: float
    lost: bool
    state: str
    memory: int
    worst_case: int
    in_flight: int
    pauses: dict[str, str] = Field(default_factory=dict)
    rates: Rates


class Worker(BaseModel):
    """A worker that reports; `busy` is the share of time that it spends in the model.

    `why` says why the worker computes in the number format `precision`.
    """

    instance: str
    host: str
    pid: int
    version: str
    since: float
    silent: float
    lost: bool
    serves: str
    model: str
    revision: str
    device: str
    threads: int
    rate: float
    busy: float
    texts: int
    memory: int
    precision: str = ""
    why: str = ""


class Agreement(BaseModel):
    """How often a shadow model gave the same tone as the one in charge."""

    same: int
    of: int


class Status(BaseModel):
    """What an operator wants to know at a glance; numbers are null where nobody reports."""

    at: float
    version: str
    state: State
    ready: bool
    headline: str
    advice: str = ""
    parts: dict[str, Part]
    models: dict[str, ModelStatus]
    rates: Rates | None = None
    latency: Latency | None = None
    cache_share: float | None = None
    in_flight: int | None = None
    waiting: int | None = None
    unconfirmed: int | None = None
    duplicates: int | None = None
    tones: list[Minute] = Field(default_factory=list)
    queues: list[Queue] = Field(default_factory=list)
    daemons: list[Daemon] = Field(default_factory=list)
    workers: list[Worker] = Field(default_factory=list)
    parked: dict[str, int] = Field(default_factory=dict)
    skipped: dict[str, int] = Field(default_factory=dict)
    languages: dict[str, int] = Field(default_factory=dict)
    unread: int | None = None
    shadow: dict[str, Agreement] = Field(default_factory=dict)
    incidents: list[ReportedIncident] = Field(default_factory=list)
