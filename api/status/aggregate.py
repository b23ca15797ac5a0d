"""From the snapshots of many processes to one picture. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from api.status.schemas import Latency, Queue, Totals
from connectors.amqp import topology
from daemon.status.process import is_own
from daemon.status.rates import quantile
from daemon.status.snapshot import Agreement, Minute, Rates
from daemon.telemetry.metrics import SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from api.status.schemas import Role
    from connectors.ports import Backlog
    from daemon.status.snapshot import DaemonSnapshot, HourSnapshot, Incident, WorkerSnapshot

_INCIDENTS = 12


def totals_of(daemons: Sequence[DaemonSnapshot]) -> Totals:
    if not daemons:
        return Totals()
    latencies = [each.latency for each in daemons if len(each.latency) == len(SECONDS) + 1]
    shadow: dict[str, Agreement] = {}
    for each in daemons:
        for name, one in each.shadow.items():
            known = shadow.get(name, Agreement())
            shadow[name] = Agreement(known.same + one.same, known.of + one.of)
    recent = sum(each.recent for each in daemons)
    return Totals(
        rates=Rates(
            **{each.name: sum(getattr(one.rates, each.name) for one in daemons)
               for each in fields(Rates)}
        ),
        latency=_latency([sum(counts) for counts in zip(*latencies, strict=True)]),
        cache_share=sum(each.cached for each in daemons) / recent if recent > 0 else None,
        in_flight=sum(each.in_flight for each in daemons),
        waiting=sum(each.waiting for each in daemons),
        unconfirmed=sum(each.unconfirmed for each in daemons),
        duplicates=sum(each.duplicates for each in daemons),
        parked=_most_common(each.parked for each in daemons),
        skipped=_most_common(each.skipped for each in daemons),
        languages=_most_common(each.languages for each in daemons),
        unread=sum(each.unread for each in daemons),
        shadow=shadow,
    )  # fmt: skip


def _most_common(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    return dict(sum(map(Counter, counts), Counter[str]()).most_common())


def _latency(counts: Sequence[int]) -> Latency | None:
    p50, p95, p99 = (quantile(counts, SECONDS, share) for share in (0.5, 0.95, 0.99))
    if p50 is None or p95 is None or p99 is None:
        return None
    return Latency(p50=p50, p95=p95, p99=p99)


def tones_of(hours: Sequence[HourSnapshot]) -> list[Minute]:
    """Add up the last hour, minute by minute."""
    minutes: dict[int, Counter[str]] = {}
    for hour in hours:
        for minute in hour.minutes:
            minutes.setdefault(minute.start, Counter()).update(minute.tones)
    return [Minute(start, dict(tones)) for start, tones in sorted(minutes.items())][-60:]


def queue_of(name: str, backlog: Backlog) -> Queue:
    roles: dict[str, Role] = {topology.PARKED: "parked", topology.UNROUTED: "unrouted"}
    # a source queue may belong to others, and have any name
    usual: Role = "scoring" if name.startswith(topology.scoring_queue("").name) else "source"
    role = roles.get(name, usual)
    return Queue(name=name, role=role, messages=backlog.messages, consumers=backlog.consumers)


def incidents_of(
    processes: Sequence[DaemonSnapshot | WorkerSnapshot], own: Sequence[Incident]
) -> list[Incident]:
    """Return the last incidents of all processes, the newest first; equal ones are joined."""
    found: dict[str, list[Incident]] = {}
    for incident in own:
        found.setdefault(incident.words, []).append(replace(incident, who="the API"))
    for each in processes:
        # what runs in this process keeps one list of incidents with us
        for incident in () if is_own(each) else each.incidents:
            who = f"{each.type} {each.pid} on {each.host}"
            found.setdefault(incident.words, []).append(replace(incident, who=who))
    return sorted(map(_joined, found.values()), key=lambda each: -each.last)[:_INCIDENTS]


def _joined(equal: Sequence[Incident]) -> Incident:
    return replace(
        equal[0],
        first=min(each.first for each in equal),
        last=max(each.last for each in equal),
        count=sum(each.count for each in equal),
        who=equal[0].who if len(equal) == 1 else f"{len(equal)} processes",
    )
