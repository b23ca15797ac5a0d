"""What `/status` and `/events` say, beside what the processes report of themselves."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from daemon.status.snapshot import Agreement, Daemon, Incident, Minute, Rates, Worker

State = Literal["healthy", "degraded", "down", "starting"]
Role = Literal["source", "scoring", "parked", "unrouted"]


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


class Latency(BaseModel):
    """Seconds from delivery to the confirmed event, over the last minute."""

    p50: float
    p95: float
    p99: float


class Queue(BaseModel):
    """A queue; `consumers` is null where it cannot be told."""

    name: str
    role: Role
    messages: int
    consumers: int | None


class ModelStatus(BaseModel):
    """A model and the workers that listen to its queue."""

    name: str
    revision: str
    workers: int


class Totals(BaseModel):
    """The numbers of all daemons together; null where none reports."""

    rates: Rates | None = None
    latency: Latency | None = None
    cache_share: float | None = None
    in_flight: int | None = None
    waiting: int | None = None
    unconfirmed: int | None = None
    duplicates: int | None = None
    parked: dict[str, int] = Field(default_factory=dict)
    skipped: dict[str, int] = Field(default_factory=dict)
    languages: dict[str, int] = Field(default_factory=dict)
    unread: int | None = None
    shadow: dict[str, Agreement] = Field(default_factory=dict)


class Status(Totals):
    """What an operator wants to know at a glance."""

    at: float
    version: str
    state: State
    ready: bool
    headline: str
    advice: str = ""
    parts: dict[str, Part]
    models: dict[str, ModelStatus]
    tones: list[Minute] = Field(default_factory=list)
    queues: list[Queue] = Field(default_factory=list)
    daemons: list[Daemon] = Field(default_factory=list)
    workers: list[Worker] = Field(default_factory=list)
    incidents: list[Incident] = Field(default_factory=list)
