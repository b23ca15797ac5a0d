"""From facts to words: is it working, what is wrong, what to do. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from api.status.schemas import Part, State
from connectors.amqp import topology
from connectors.text import listed
from daemon.pipeline import pauses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api.status.schemas import Queue
    from daemon.status.snapshot import Daemon, Worker

_REDIS = {
    "AuthenticationError": "refuses the password",
    "ConnectionError": "cannot be reached",
    "MaxConnectionsError": "has no connection left",
    "OutOfMemoryError": "is full",
    "ReadOnlyError": "is read-only",
    "TimeoutError": "does not answer in time",
}
_PAUSES = {
    pauses.NO_WORKER: "no worker is running",
    pauses.REFUSED_PUBLISH: "what it publishes is refused",
    pauses.ALARM: "RabbitMQ asks publishers to wait",
    pauses.BAD_MESSAGES: "nearly all of its messages were parked",
    pauses.BAD_SCORES: "the model fails on nearly all of its texts",
    pauses.REFUSED_CONSUMER: "RabbitMQ refuses its consumer",
}
_OTHER_FIX = "see the incidents below, and the log of the daemon"
_SHOWN_PAUSES = 3
_ORDER: dict[State, int] = {"down": 0, "degraded": 1, "starting": 2, "healthy": 3}


class Facts(NamedTuple):
    """What is known at this moment.

    Attributes:
        broker: Why RabbitMQ cannot be reached; empty where it can.
        blocked: Whether RabbitMQ asks publishers to wait.
        redis: Why Redis does not answer; empty where it does.
        sighted: Whether Redis has served long enough for every daemon to have reported.
        queues: Our queues as RabbitMQ reports them; empty where it reports nothing.
        listeners: Workers of each model, by RabbitMQ's count.
        revisions: Revision of each model, as this process knows it.
        daemons: Those that report.
        workers: Those that report.
        lost: Daemons that stopped reporting without shutting down.
        events: Events a second.
        consuming: Whether any connector is configured, so that a daemon is needed.
        further: Models that give further answers alone, with the connectors that want them.
    """

    broker: str
    blocked: bool
    redis: str
    sighted: bool
    queues: Sequence[Queue]
    listeners: Mapping[str, int]
    revisions: Mapping[str, str]
    daemons: Sequence[Daemon]
    workers: Sequence[Worker]
    lost: Sequence[Daemon]
    events: float
    consuming: bool
    further: Mapping[str, Sequence[str]]


class Overall(NamedTuple):
    """The whole in one line, and what to do about it."""

    state: State
    headline: str
    advice: str


def parts(facts: Facts) -> dict[str, Part]:
    found = {"broker": _broker(facts), "redis": _redis(facts)}
    if facts.consuming:
        found["daemons"] = _daemons(facts)
    for model in facts.revisions:
        found[f"workers {model}"] = _workers(facts, model)
    found["messages"] = _messages(facts)
    return found


def overall(found: Mapping[str, Part]) -> Overall:
    """Say how the whole is: as its worst part."""
    # the broker comes first, for without it nothing else can be told
    worst = min(found.values(), key=lambda part: _ORDER[part.state])
    if worst.state == "healthy":
        return Overall("healthy", "All is well", "")
    words = {
        "down": "Messages are not being labelled",
        "degraded": "Working, with limits",
        "starting": "Starting",
    }[worst.state]
    what = f"{worst.title}: {worst.detail[:1].lower()}{worst.detail[1:]}."
    return Overall(worst.state, words, f"{what} {worst.fix}".strip())


def _part(title: str, state: State, detail: str, fix: str = "") -> Part:
    return Part(title=title, ok=state == "healthy", state=state, detail=detail, fix=fix)


def _broker(facts: Facts) -> Part:
    if facts.broker:
        return _part(
            "RabbitMQ", "down", "Cannot be reached",
            "Start RabbitMQ, or correct `TONEBUS_BROKER_URL` or the rights of its user. Nothing is "
            f"lost: all connect again by themselves. The reason: {facts.broker}.",
        )  # fmt: skip
    if facts.blocked:
        return _part(
            "RabbitMQ", "down", "Asks publishers to wait",
            "RabbitMQ is short of memory or disk: free some. It continues by itself.",
        )  # fmt: skip
    return _part("RabbitMQ", "healthy", "Connected")


def _redis(facts: Facts) -> Part:
    if facts.redis:
        words = _REDIS.get(facts.redis, f"fails ({facts.redis})")
        return _part(
            "Redis", "degraded", words[:1].upper() + words[1:],
            "Start Redis, or correct `TONEBUS_REDIS_URL`. Until then every text is scored again, "
            "and this page shows only what RabbitMQ reports.",
        )  # fmt: skip
    return _part("Redis", "healthy", "Serving")


def _daemons(facts: Facts) -> Part:
    alive = [each for each in facts.daemons if not each.lost]
    silent = [*facts.lost, *(each for each in facts.daemons if each.lost)]
    if not alive:
        return _no_daemon(facts, silent)
    if odd := _odd_state(alive):
        return odd
    if silent:
        return _part(
            "Daemons", "degraded", f"{len(alive)} running, {len(silent)} stopped reporting",
            "See the log of the one that stopped reporting, and start it again. The others take "
            "over its messages.",
        )  # fmt: skip
    return _part("Daemons", "healthy", f"{len(alive)} running")


def _no_daemon(facts: Facts, silent: Sequence[Daemon]) -> Part:
    if silent and not facts.redis:
        last = min(silent, key=lambda each: each.silent)
        return _part(
            "Daemons", "down",
            f"The last one, process {last.pid} on {last.host}, stopped reporting",
            "See its log for the reason, and start it again: `tonebus daemon`. Nothing is lost: "
            "messages wait in their queues.",
        )  # fmt: skip
    sources = [queue.consumers or 0 for queue in facts.queues if queue.role == "source"]
    if consumers := min(sources, default=0):
        return _part(
            "Daemons", "healthy" if facts.redis else "starting",
            f"{consumers} {_plural('daemon', consumers)} consuming, according to RabbitMQ",
        )  # fmt: skip
    if facts.broker or not facts.sighted:
        return _part("Daemons", "starting", "No report yet")
    return _part(
        "Daemons", "down", "None is running",
        "Start one: `tonebus daemon`. Messages wait in their queues until then.",
    )  # fmt: skip


def _odd_state(alive: Sequence[Daemon]) -> Part | None:
    states = {each.state for each in alive}
    if paused := _paused(alive):
        return paused
    if states <= {"connecting"}:
        return _part(
            "Daemons", "down", "Connecting to RabbitMQ",
            "If it takes long: see the daemon's log, and the user's permissions.",
        )  # fmt: skip
    if states <= {"draining", "stopped"}:
        return _part("Daemons", "degraded", "Stopping", "Start one again: `tonebus daemon`.")
    if states <= {"quarantine", "connecting"}:
        return _part(
            "Daemons", "degraded", "Quarantine: one message at a time, after lost connections",
            "If one message is to blame, RabbitMQ parks it, and there is nothing to do. If it "
            "lasts, see the daemon's log.",
        )  # fmt: skip
    return None


def _paused(alive: Sequence[Daemon]) -> Part | None:
    """Name the connectors that a daemon does not consume for, each with its reason."""
    reasons = {name: reason for each in alive for name, reason in each.pauses.items()}
    if not reasons:
        return None
    shown = [
        f"“{name}” ({_PAUSES.get(reason, reason)})" for name, reason in sorted(reasons.items())
    ]
    detail = f"Paused: {listed(shown, _SHOWN_PAUSES)}"
    fixes = dict.fromkeys(pauses.FIXES.get(each, _OTHER_FIX) for each in reasons.values())
    fix = ". ".join(each[:1].upper() + each[1:] for each in fixes)
    idle = all(each.state == "paused" for each in alive)
    return _part("Daemons", "down" if idle else "degraded", detail, f"{fix}.")


def _workers(facts: Facts, model: str) -> Part:
    title = "Workers" if len(facts.revisions) == 1 else f"Workers “{model}”"
    if facts.broker:
        return _part(title, "starting", "Not known while RabbitMQ is away")
    count = facts.listeners.get(model, 0)
    wanted = ", ".join(f"“{each}”" for each in facts.further.get(model, ()))
    if not count:
        lacks = f"the events of {wanted} go without its answer"
        until = lacks if wanted else "messages wait in their queues"
        fix = f"Start one: `tonebus worker --model {model}`. Until then {until}."
        return _part(title, "degraded" if wanted else "down", "No worker is running", fix)
    revision = facts.revisions[model]
    other = [each for each in facts.workers if each.serves == model and each.revision != revision]
    if other:
        return _part(
            title, "degraded", f"{len(other)} of {count} serve another revision",
            "Restart workers, daemons and API on one revision, so that scores are kept and used.",
        )  # fmt: skip
    also = f", a further model of {wanted}" if wanted else ""
    return _part(title, "healthy", f"{count} running{also}")


def _messages(facts: Facts) -> Part:
    title = "Messages"
    if facts.broker:
        return _part(title, "starting", "Not known while RabbitMQ is away")
    depth = {queue.name: queue.messages for queue in facts.queues}
    waiting = sum(queue.messages for queue in facts.queues if queue.role == "source")
    unrouted = depth.get(topology.UNROUTED, 0)
    if unrouted:
        return _part(
            title, "degraded", f"{unrouted:,} {_plural('event', unrouted)} reached no queue",
            "Bind a queue of yours to `sentiment.results`; those that wait are in "
            "sentiment.unrouted.",
        )  # fmt: skip
    if waiting:
        return _part(title, "healthy", f"{waiting:,} {_plural('message', waiting)} waiting")
    return _part(title, "healthy", "Flowing" if facts.events else "Nothing waits")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"
