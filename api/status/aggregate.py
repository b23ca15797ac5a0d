"""From the notes of many processes to one picture. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from api.status.schemas import (
    Agreement,
    Daemon,
    Latency,
    Minute,
    Queue,
    Rates,
    ReportedIncident,
    Worker,
)
from connectors.amqp import topology
from daemon.status.process import is_own
from daemon.status.rates import quantile
from daemon.status.snapshot import PATIENCE, DaemonSnapshot
from daemon.telemetry.metrics import SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.ports import Backlog
    from daemon.status.snapshot import HourSnapshot, Incident, WorkerSnapshot

_INCIDENTS = 12


@dataclass(frozen=True)
class Sums:
    """The numbers of all daemons together; None where none reports."""

    rates: Rates | None = None
    latency: Latency | None = None
    cache_share: float | None = None
    in_flight: int | None = None
    waiting: int | None = None
    unconfirmed: int | None = None
    duplicates: int | None = None
    parked: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    unread: int | None = None
    shadow: dict[str, Agreement] = field(default_factory=dict)


def sums_of(daemons: Sequence[DaemonSnapshot]) -> Sums:
    """Add up what daemons report."""
    if not daemons:
        return Sums()
    parked, skipped, languages = Counter[str](), Counter[str](), Counter[str]()
    shadow: dict[str, Agreement] = {}
    latency = [0] * (len(SECONDS) + 1)
    for each in daemons:
        parked.update(each.parked)
        skipped.update(each.skipped)
        languages.update(each.languages)
        for name, (same, of) in each.shadow.items():
            known = shadow.setdefault(name, Agreement(same=0, of=0))
            known.same, known.of = known.same + same, known.of + of
        if len(each.latency) == len(latency):
            latency = [sum(pair) for pair in zip(latency, each.latency, strict=True)]
    recent = sum(each.recent for each in daemons)
    return Sums(
        rates=Rates(
            **{
                name: sum(getattr(each.rates, name) for each in daemons)
                for name in Rates.model_fields
            }
        ),
        latency=_latency(latency),
        cache_share=sum(each.cached for each in daemons) / recent if recent > 0 else None,
        in_flight=sum(each.in_flight for each in daemons),
        waiting=sum(each.waiting for each in daemons),
        unconfirmed=sum(each.unconfirmed for each in daemons),
        duplicates=sum(each.duplicates for each in daemons),
        parked=dict(parked.most_common()),
        skipped=dict(skipped.most_common()),
        languages=dict(languages.most_common()),
        unread=sum(each.unread for each in daemons),
        shadow=shadow,
    )


def _latency(counts: Sequence[int]) -> Latency | None:
    found = [quantile(counts, SECONDS, share) for share in (0.5, 0.95, 0.99)]
    p50, p95, p99 = found
    if p50 is None or p95 is None or p99 is None:
        return None
    return Latency(p50=p50, p95=p95, p99=p99)


def tones_of(hours: Sequence[HourSnapshot]) -> list[Minute]:
    """Add up the last hour, minute by minute."""
    minutes: dict[int, Counter[str]] = {}
    for hour in hours:
        for minute in hour.minutes:
            minutes.setdefault(minute.start, Counter()).update(minute.tones)
    found = [Minute(start=start, tones=dict(tones)) for start, tones in sorted(minutes.items())]
    return found[-60:]


def daemon_of(snapshot: DaemonSnapshot, silent: float) -> Daemon:
    """Return a daemon as the page shows it."""
    process = snapshot.process
    return Daemon(
        instance=process.instance, host=process.host, pid=process.pid, version=process.version,
        since=process.since, silent=silent, lost=silent > snapshot.patience, state=snapshot.state,
        memory=process.memory, worst_case=snapshot.worst_case, in_flight=snapshot.in_flight,
        pauses=snapshot.pauses,
        rates=Rates(**msgspec.structs.asdict(snapshot.rates)),
    )  # fmt: skip


def worker_of(snapshot: WorkerSnapshot, silent: float) -> Worker:
    """Return a worker as the page shows it."""
    process = snapshot.process
    return Worker(
        instance=process.instance, host=process.host, pid=process.pid, version=process.version,
        since=process.since, silent=silent, lost=silent > PATIENCE, serves=snapshot.model,
        model=snapshot.name, revision=snapshot.revision, device=snapshot.device,
        threads=snapshot.threads, rate=snapshot.rate, busy=snapshot.busy, texts=snapshot.texts,
        memory=process.memory, precision=snapshot.precision, why=snapshot.why,
    )  # fmt: skip


def queue_of(name: str, backlog: Backlog) -> Queue:
    """Return a queue as the page shows it."""
    roles = {topology.PARKED: "parked", topology.UNROUTED: "unrouted"}
    # a source queue may belong to others, and have any name
    usual = "scoring" if name.startswith(topology.scoring_queue("").name) else "source"
    return Queue.model_validate(
        {
            "name": name,
            "role": roles.get(name, usual),
            "messages": backlog.messages,
            "consumers": backlog.consumers,
        }
    )


def incidents_of(
    daemons: Sequence[DaemonSnapshot], workers: Sequence[WorkerSnapshot], own: Sequence[Incident]
) -> list[ReportedIncident]:
    """Return the last incidents of all processes, the newest first."""
    found = [_incident(each, "the API") for each in own]
    reporting: list[DaemonSnapshot | WorkerSnapshot] = [*daemons, *workers]
    for snapshot in reporting:
        kind = "daemon" if isinstance(snapshot, DaemonSnapshot) else "worker"
        # what runs in this process keeps one list of incidents with us
        if not is_own(snapshot.process):
            who = f"{kind} {snapshot.process.pid} on {snapshot.process.host}"
            found += [_incident(each, who) for each in snapshot.incidents]
    return sorted(_joined(found), key=lambda incident: -incident.last)[:_INCIDENTS]


def _joined(incidents: Sequence[ReportedIncident]) -> list[ReportedIncident]:
    """Join equal incidents of several processes into one."""
    found: dict[str, list[ReportedIncident]] = {}
    for incident in incidents:
        found.setdefault(incident.words, []).append(incident)
    return [
        each[0].model_copy(
            update={
                "first": min(incident.first for incident in each),
                "last": max(incident.last for incident in each),
                "count": sum(incident.count for incident in each),
                "who": each[0].who if len(each) == 1 else f"{len(each)} processes",
            }
        )
        for each in found.values()
    ]


def _incident(snapshot: Incident, who: str) -> ReportedIncident:
    return ReportedIncident(**msgspec.structs.asdict(snapshot), who=who)
