"""What processes write of themselves for the status page; never a text or the id of a message."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["connecting", "working", "quarantine", "paused", "draining", "stopped"]

PATIENCE = 4
"""Seconds within which a process writes its next snapshot; one that does not is taken for gone."""

CONNECTING_PATIENCE = 20
"""The same while it connects, which may block."""

LIVE_SECONDS = 4
"""A snapshot expires so many seconds after the next one was due."""

HOUR_SECONDS = 3600
KEY = b"snapshot:"
INDEX = b"snapshots"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident: something that went wrong, in plain words, with the fix.

    Attributes:
        code: The log's name for it.
        words: What happened.
        fix: What to do.
        first: Seconds since the epoch when it was first seen.
        last: The same, of the last time.
        count: How often.
    """

    code: str
    words: str
    fix: str
    first: float
    last: float
    count: int = 1


class Minute(msgspec.Struct, frozen=True, array_like=True):
    """The events of one minute, by tone; `start` is in seconds since the epoch."""

    start: int
    tones: dict[str, int]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How many a second, over the last ten seconds."""

    deliveries: float = 0.0
    events: float = 0.0
    scored: float = 0.0
    parked: float = 0.0


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """Which process a snapshot is of.

    Attributes:
        since: Seconds since the epoch.
        at: When the snapshot was written, by the writer's clock.
        memory: Resident bytes.
        uid: Tells processes apart where host and number do not; one process may write several
            snapshots.
    """

    instance: str
    version: str
    host: str
    pid: int
    since: float
    at: float
    memory: int
    uid: str = ""


class DaemonSnapshot(msgspec.Struct, frozen=True, kw_only=True, tag="daemon"):
    """What a daemon does now.

    Attributes:
        latency: Of the last minute, counts between the bounds of `metrics.SECONDS`: from
            delivery to confirm.
        ages: The same from the publisher's timestamp, in whole seconds; where there are any.
        cached: Events of the last minute that cost no model time.
        recent: Events of the last minute.
        workers: Known workers of each model.
        revisions: Revision of each model, as this daemon knows it.
        parked: Since it started, by reason code.
        redis: Why Redis is not used at present; empty while it serves.
        patience: Seconds within which the next snapshot will come.
        pauses: Why a connector does not consume, by its name.
        languages: Events since it started, by the language of their text.
        unread: Those of them that have no tone, since no model reads the language.
    """

    process: Process
    state: State
    patience: int
    blocked: bool
    rates: Rates
    latency: list[int]
    cached: int
    recent: int
    in_flight: int
    waiting: int
    unconfirmed: int
    worst_case: int
    deliveries: int
    events: int
    duplicates: int
    workers: dict[str, int]
    revisions: dict[str, str]
    parked: dict[str, int]
    skipped: dict[str, int]
    redis: str
    incidents: list[Incident]
    shadow: dict[str, tuple[int, int]] = {}
    pauses: dict[str, str] = {}
    languages: dict[str, int] = {}
    unread: int = 0


class WorkerSnapshot(msgspec.Struct, frozen=True, kw_only=True, tag="worker"):
    """What a worker does now.

    Attributes:
        busy: Share of the last ten seconds spent in the model, in [0, 1].
        texts: Scored since it started.
        precision: Number format that it computes in.
        why: Why this format.
    """

    process: Process
    model: str
    name: str
    revision: str
    device: str
    threads: int
    rate: float
    busy: float
    texts: int
    incidents: list[Incident]
    precision: str = ""
    why: str = ""


class HourSnapshot(msgspec.Struct, frozen=True, kw_only=True, tag="hour"):
    """The tone mix of the last hour, as one daemon published it; it outlives the daemon."""

    minutes: list[Minute]


Snapshot = DaemonSnapshot | WorkerSnapshot | HourSnapshot
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Snapshot).decode
