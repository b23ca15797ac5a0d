"""What processes report of themselves, from Redis to the page; never a text or a message's id.

A snapshot of another release is read as far as it can be: fields that are unknown here are passed
over, and those that it lacks have their defaults. What is added later needs a default, therefore.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


@dataclass(frozen=True, kw_only=True)
class Incident:
    """Something that went wrong, in plain words, with what to do.

    `code` is the log's name for it; `first` and `last` are in seconds since the epoch. The reader
    adds `who`: the process that reports it, or how many do.
    """

    code: str
    words: str
    fix: str
    first: float
    last: float
    count: int = 1
    who: str = ""


@dataclass(frozen=True)
class Minute:
    """The events of one minute by tone; `start` is in seconds since the epoch."""

    start: int
    tones: dict[str, int]


@dataclass(frozen=True)
class Agreement:
    """How often a shadow model gave the same tone as the one in charge."""

    same: int = 0
    of: int = 0


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How many a second, over the last ten seconds."""

    deliveries: float = 0.0
    events: float = 0.0
    scored: float = 0.0
    parked: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process that reports, or did until a moment ago.

    `since` says when it started and `at` when it reported, in seconds since the epoch by its own
    clock; `memory` is in resident bytes; `uid` tells processes apart where host and number do not.
    The next report is due within `patience` seconds. The reader adds `silent`, how many seconds ago
    it received this report, and `lost`: the next one is overdue.
    """

    instance: str
    version: str
    host: str
    pid: int
    since: float
    at: float
    memory: int
    uid: str = ""
    patience: int = PATIENCE
    silent: float = 0.0
    lost: bool = False


@dataclass(frozen=True, kw_only=True)
class Daemon(Process):
    """What a daemon does now.

    Its deliveries take `worst_case` bytes at most; `pauses` says why a connector does not consume.
    """

    state: State
    rates: Rates
    in_flight: int
    worst_case: int
    pauses: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Worker(Process):
    """What a worker does now, for the model that the settings call `serves`.

    `busy` is the share of the last ten seconds spent in the model, `texts` what it scored since it
    started. `why` says why it computes in the number format `precision`.
    """

    serves: str
    model: str
    revision: str
    device: str
    threads: int
    rate: float
    busy: float
    texts: int
    precision: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class DaemonSnapshot(Daemon):
    """What a daemon writes: how it is, and the numbers that are added up over all daemons.

    Attributes:
        latency: Of the last minute, counts between the bounds of `metrics.SECONDS`: from
            delivery to confirm.
        cached: Events of the last minute that cost no model time.
        revisions: Revision of each model, as this daemon knows it.
        parked: Since it started, by reason code.
        redis: Why Redis is not used at present; empty while it serves.
        languages: Events since it started, by the language of their text.
        unread: Those of them that have no tone, since no model reads the language.
    """

    type: Literal["daemon"] = "daemon"
    blocked: bool
    latency: list[int]
    cached: int
    recent: int
    waiting: int
    unconfirmed: int
    deliveries: int
    events: int
    duplicates: int
    workers: dict[str, int]
    revisions: dict[str, str]
    parked: dict[str, int]
    skipped: dict[str, int]
    redis: str
    incidents: list[Incident]
    shadow: dict[str, Agreement] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    unread: int = 0


@dataclass(frozen=True, kw_only=True)
class WorkerSnapshot(Worker):
    type: Literal["worker"] = "worker"
    incidents: list[Incident]


@dataclass(frozen=True, kw_only=True)
class HourSnapshot:
    """The tone mix of the last hour, as one daemon published it; it outlives the daemon."""

    type: Literal["hour"] = "hour"
    minutes: list[Minute]


class _Type(msgspec.Struct):
    type: Literal["daemon", "worker", "hour"]


Snapshot = DaemonSnapshot | WorkerSnapshot | HourSnapshot
_CLASSES: dict[str, type[Snapshot]] = {
    "daemon": DaemonSnapshot, "worker": WorkerSnapshot, "hour": HourSnapshot,
}  # fmt: skip
encode = msgspec.json.encode


def decode(values: Iterable[bytes]) -> Iterator[Snapshot]:
    """Read snapshots; what is none, or is of a release too far away, is passed over."""
    for value in values:
        with suppress(msgspec.MsgspecError):
            kind = _CLASSES[msgspec.json.decode(value, type=_Type).type]
            yield msgspec.json.decode(value, type=kind)
