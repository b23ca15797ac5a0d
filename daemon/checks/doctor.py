"""Try everything that the processes depend on, live; leave nothing, publish nothing others see."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from connectors.amqp import bookmark, presence, topology
from connectors.amqp.connection import Refused
from connectors.amqp.nodes import nodes
from connectors.errors import Misconfigured, Unavailable
from connectors.scoring.client import Scoring
from connectors.scoring.protocol import Failed, Scored, Unreadable
from daemon.checks import broker_probe, broker_settings, redis_probe, topology_diff
from daemon.checks.management import Management
from daemon.checks.result import Result
from daemon.model.identity import identify
from daemon.pipeline.limits import SLOW_HOLDS
from daemon.process import wiring
from daemon.status import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from connectors.amqp.connection import Broker
    from connectors.amqp.subscription import Subscription
    from daemon.checks.topology_diff import Finding
    from daemon.settings import ModelSettings, Settings

_ROUND_TRIP_SECONDS = 10.0
_REQUESTS_PER_WORKER = 4
_ENOUGH_EVENTS = 50
_MANY_UNREAD = 0.1
_TEXT = "Tonebus asks whether you are well."


def examine(settings: Settings, management_url: str = "") -> Iterator[Result]:
    """Run every check; one that fails does not keep the next from running.

    Without its URL, RabbitMQ's management API is looked for beside the broker.
    """
    yield from redis_probe.examine(settings)
    broker = wiring.broker(settings, "tonebus doctor")
    begun = time.monotonic()
    try:
        broker.connect()
    except Unavailable as error:
        yield Result(
            "broker", "failure", str(error),
            "is it running, and are host, user, password and virtual host of [broker] url right? "
            "RabbitMQ's log names the refused user",
        )  # fmt: skip
        return
    try:
        yield from broker_settings.version(broker.version, broker.address, time.monotonic() - begun)
        yield from _broker_settings(settings, broker, management_url)
        found = list(topology_diff.findings(broker, *wiring.topology(settings)))
        yield from _topology(found)
        yield from _depths(broker)
        yield from _streams(settings, broker)
        yield from _bus(broker, _outputs(settings, found))
        if not broker.blocked:
            for model in settings.models:
                yield from _model(settings, broker, model)
        yield from languages(settings)
    finally:
        if broker.blocked:
            broker.drop()
        else:
            broker.close()


def _broker_settings(settings: Settings, broker: Broker, url: str) -> Iterator[Result]:
    node = nodes(settings.broker.url)[0]
    tls = settings.broker.tls
    management = Management(url, tls) if url else Management.beside(node, tls)
    queues = [queue for part in wiring.topology(settings) for queue in part.queues]
    number = broker.version.partition(" ")[2]
    yield from broker_settings.examine(
        management, node.vhost, queues, number,
        hold=settings.daemon.hold_seconds * SLOW_HOLDS, forward=settings.daemon.score_timeout,
    )  # fmt: skip


def _topology(found: Sequence[Finding]) -> Iterator[Result]:
    for each in found:
        if not each.good:
            changed = ", ".join(
                f"{one.name} is {one.found!r}, not {one.wanted!r}" for one in each.differences
            )
            yield Result(
                f"{each.kind} {each.name}", "failure",
                f"{each.state}{': ' if changed or each.detail else ''}{changed or each.detail}",
                each.fix,
            )  # fmt: skip
    if all(each.good for each in found):
        yield Result("topology", "ok", f"{len(found)} exchanges and queues as they should be")


def _outputs(settings: Settings, found: Sequence[Finding]) -> list[str]:
    """Exchanges that a daemon publishes to, as far as they are there."""
    there = {each.name for each in found if each.kind == "exchange" and each.state != "missing"}
    outputs = {topology.PARKED, *(each.output.exchange for each in settings.connectors)}
    return sorted(outputs & there)


def _bus(broker: Broker, outputs: Sequence[str]) -> Iterator[Result]:
    """Try what a daemon does with a message, where no consumer can see it."""
    fix = "see docs/how-to/permissions.md"
    try:
        took = broker_probe.round_trip(broker)
    except Unavailable as error:
        if broker.blocked:
            yield Result("round trip", "failure", str(error), "free memory or disk space there")
            return
        yield Result("round trip", "failure", str(error), fix)
    else:
        detail = f"a message to a private queue came back, confirmed, in {took * 1000:.0f} ms"
        yield Result("round trip", "ok", detail)
    refusals = broker_probe.refusals(broker, outputs)
    for exchange, said in refusals.items():
        yield Result("permissions", "failure", f"may not publish to {exchange}: {said}", fix)
    if outputs and not refusals:
        yield Result("permissions", "ok", f"may publish to {', '.join(outputs)}")


def _depths(broker: Broker) -> Iterator[Result]:
    """Say what has piled up where nobody looks."""
    for queue, fix in (
        (topology.PARKED, "`tonebus parked list` says why; fix the cause, then `parked replay`"),
        (topology.UNROUTED, "no queue is bound for these events: bind one to sentiment.results"),
    ):
        if (found := presence.backlog(broker, queue)) and found.messages:
            yield Result(queue, "warning", f"{found.messages} messages wait there", fix)


def _streams(settings: Settings, broker: Broker) -> Iterator[Result]:
    """Say where each stream will be read on, and what keeps it from being read."""
    for subscription in wiring.subscriptions(settings):
        if not subscription.queue:
            continue
        check = f"queue {subscription.queue}"
        found = presence.is_stream(broker, subscription.queue)
        if found is None:
            yield Result(check, "failure", "it is missing, or may not be read", "see `queue`")
        elif found and not subscription.stream:
            yield Result(check, "failure", "it is a stream", "set `offset`, such as 'first'")
        elif subscription.stream and not found:
            yield Result(check, "failure", "it is no stream", "leave `offset` out")
        elif found:
            yield _place(broker, check, subscription)


def _place(broker: Broker, check: str, subscription: Subscription) -> Result:
    try:
        place = bookmark.read(broker, subscription.offset_queue)
    except Refused as error:
        return Result(check, "unknown", f"how far the stream was read: {error}")
    if place is None or place.stream != subscription.stream:
        return Result(check, "ok", f"a stream, not read yet; begins at {subscription.offset}")
    return Result(check, "ok", f"a stream, read up to message {place.offset}")


def _model(settings: Settings, broker: Broker, model: ModelSettings) -> Iterator[Result]:
    check = f"model {model.name}"
    try:
        wanted = identify(model).model.revision
    except Misconfigured as error:
        yield Result(check, "failure", str(error), "correct [[models]] source or revision")
        return
    start = f"`tonebus worker --model {model.name}`"
    if presence.backlog(broker, topology.scoring_queue(model.name).name) is None:
        yield Result(check, "failure", "it has no scoring queue", "`tonebus topology apply`")
        return
    scoring = Scoring(broker)
    workers = scoring.workers(model.name)
    if not workers:
        yield Result(check, "failure", "no worker listens", f"start {start}")
        return
    revisions, took, faults = _ask(scoring, broker, model.name, workers)
    if not revisions:
        detail = "; ".join(faults) or f"none of {workers} workers answered in time"
        yield Result(check, "failure", detail, f"see the log of {start}: is it busy, or stuck?")
    elif wanted in revisions and len(revisions) == 1:
        yield Result(
            check, "ok",
            f"{workers} workers, revision {wanted}, scored in {took * 1000:.0f} ms"
            f"{_precision(settings, model.name)}",
        )  # fmt: skip
    else:
        yield Result(
            check, "warning",
            f"workers have revision {', '.join(sorted(revisions))}, the settings here {wanted}: "
            "scores in the cache do not serve",
            "give every process the same model files and settings, then restart the workers",
        )  # fmt: skip


def _precision(settings: Settings, model: str) -> str:
    """In which number formats its workers compute, and why; nothing where Redis does not answer."""
    found = [each for each in _snapshots(settings) if isinstance(each, snapshot.WorkerSnapshot)]
    reports = [each for each in found if each.serves == model]
    told = sorted({f"{each.precision} ({each.why})" for each in reports if each.precision})
    return f", in {'; '.join(told)}" if told else ""


def languages(settings: Settings) -> Iterator[Result]:
    """Say when many texts are in languages that no model reads."""
    found = [each for each in _snapshots(settings) if isinstance(each, snapshot.DaemonSnapshot)]
    events, unread = sum(each.events for each in found), sum(each.unread for each in found)
    if events >= _ENOUGH_EVENTS and unread > _MANY_UNREAD * events:
        yield Result(
            "languages", "warning",
            f"{unread} of {events} texts have no tone: no model of their connector reads them",
            "name a model that reads them in the connector's `model`, such as one with "
            "source = 'multilingual', or set `unsupported`",
        )  # fmt: skip


def _snapshots(settings: Settings) -> Iterator[snapshot.Snapshot]:
    """Read what processes report; nothing where Redis does not answer."""
    store = wiring.redis_store(settings)
    try:
        yield from snapshot.decode(store.gather(snapshot.INDEX).values())
    finally:
        store.close()


def _ask(
    scoring: Scoring, broker: Broker, model: str, workers: int
) -> tuple[set[str], float, list[str]]:
    """Have a text scored, often enough that each worker is likely to have its turn."""
    begun = time.monotonic()
    count = workers * _REQUESTS_PER_WORKER if workers > 1 else 1
    for _ in range(count):
        scoring.ask(model, [_TEXT], urgent=True, timeout=_ROUND_TRIP_SECONDS)
    revisions: set[str] = set()
    faults: list[str] = []
    took, done = 0.0, 0
    while done < count and time.monotonic() - begun < _ROUND_TRIP_SECONDS:
        broker.wait(0.2)
        for answer in scoring.replies():
            if isinstance(answer, Scored):
                revisions.add(answer.model.revision)
            elif isinstance(answer, Failed):
                faults.append(f"{answer.fault.code} {answer.fault.detail}")
            elif isinstance(answer, Unreadable):
                faults.append("its reply cannot be read; are worker and doctor of one release?")
            else:
                continue
            done += 1
            took = took or time.monotonic() - begun
    return revisions, took, faults
