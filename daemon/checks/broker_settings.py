"""What the broker's own version and settings mean for us.

Most of it is known to RabbitMQ's management API alone. Where that cannot be asked, it is `unknown`:
neither well nor a fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.amqp.features import MAINTAINED, OLDEST, features, numbers
from connectors.amqp.topology import DELIVERY_LIMIT, scoring_queue
from connectors.errors import Unavailable
from daemon.checks.management import Forbidden
from daemon.checks.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from connectors.amqp.topology import Queue
    from daemon.checks.management import Management

_HARM = {
    "message-ttl": "messages that wait too long are dropped or parked",
    "expires": "the queue is deleted while nobody consumes",
    "max-length": "messages beyond it are dropped or refused",
    "max-length-bytes": "messages beyond it are dropped or refused",
    "overflow": "it decides what happens to messages beyond the limit",
    "delivery-limit": "messages are dropped after so many deliveries, or parked where the queue is "
    "a source",
    "dead-letter-exchange": "it takes what should be parked",
    "dead-letter-routing-key": "it takes what should be parked",
    "dead-letter-strategy": "what should be parked may be lost",
    "delayed-retry-type": "messages that are given back come late",
    "queue-mode": "it slows the queue down",
    "ha-mode": "mirrored queues are slow, and gone from RabbitMQ 4.0 on",
}

_SCARCE = {"disk": "disk space"}


def version(told: str, address: str, seconds: float) -> Iterator[Result]:
    """Judge the version that the broker reports on connecting."""
    product, _, number = told.partition(" ")
    detail = f"{product} {number} at {address}, connected in {seconds:.2f} s"
    if numbers(number) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        yield Result(
            "broker", "failure", detail, f"quorum queues as used here need RabbitMQ {oldest}"
        )
        return
    yield Result("broker", "ok", detail)
    if numbers(number) < MAINTAINED:
        yield Result(
            "broker version", "warning", f"{number} gets no more fixes from its makers",
            "upgrade RabbitMQ: docs/reference/servers.md has what differs",
        )  # fmt: skip


def examine(
    management: Management, vhost: str, queues: Iterable[Queue], number: str, *, hold: float,
    forward: float,
) -> Iterator[Result]:  # fmt: skip
    """Run every check that takes the management API, for queues that the processes rely on.

    A daemon may hold a delivery for `hold` seconds, and a worker its request for `forward`.
    """
    try:
        management.get("overview")
    except Unavailable as error:
        yield Result(
            "broker settings", "unknown",
            f"alarms, policies, consumer time-out, feature flags: {error}",
            "`tonebus doctor --management http://user:password@host:15672`, with the plugin "
            "rabbitmq_management enabled and a user that is tagged monitoring",
        )  # fmt: skip
        return
    yield from _asked(
        "alarms",
        lambda: _alarms(management.get("nodes"), management.get("health", "checks", "alarms")),
    )
    yield from _asked("feature flags", lambda: _flags(management.get("feature-flags")))
    yield from _asked("default queue type", lambda: _default(management.get("vhosts", vhost)))
    names = list(queues)
    yield from _asked("policies", lambda: _policies(_seen(management, vhost, names)))
    yield from _asked("delivery limits", lambda: _limits(_seen(management, vhost, names), number))
    yield from _asked(
        "consumer time-out",
        lambda: timeouts(_seen(management, vhost, names), number, hold=hold, forward=forward),
    )


def _asked(check: str, ask: Callable[[], Iterable[Result]]) -> Iterator[Result]:
    try:
        yield from list(ask())
    except Forbidden as error:
        yield Result(check, "unknown", str(error), "tag the user monitoring or administrator")
    except Unavailable as error:
        yield Result(check, "unknown", str(error))


def _alarms(nodes: list[dict[str, Any]], health: dict[str, Any]) -> Iterator[Result]:
    """Judge them by the health check: what is said of nodes is late, or left out."""
    rung = [
        f"{each['node']} is short of {_SCARCE.get(each['resource'], each['resource'])}"
        for each in health.get("alarms", ())
    ]
    down = [f"{each['name']} is down" for each in nodes if not each.get("running", True)]
    if rung:
        fix = (
            "free memory or disk space there: until then nothing can be published, nothing is lost"
        )
        yield Result("alarms", "failure", "; ".join(rung), fix)
    if down:
        yield Result("nodes", "warning", "; ".join(down), "a quorum needs most of them: start them")
    if not rung and not down:
        yield Result("alarms", "ok", f"none on {len(nodes)} nodes")


def _flags(flags: list[dict[str, Any]]) -> Iterator[Result]:
    off = [
        each["name"]
        for each in flags
        if each.get("state") == "disabled" and each.get("stability") == "stable"
    ]
    if off:
        yield Result(
            "feature flags", "warning", f"disabled: {', '.join(off)}",
            "`rabbitmqctl enable_feature_flag all`: the next upgrade may need them",
        )  # fmt: skip
    else:
        yield Result("feature flags", "ok", "all stable ones are enabled")


def _default(vhost: dict[str, Any]) -> Iterator[Result]:
    kind = vhost.get("default_queue_type")
    kind = kind if isinstance(kind, str) and kind != "undefined" else "classic"
    yield Result("default queue type", "ok", f"{kind}; Tonebus names the type of each queue of its")


def _seen(
    management: Management, vhost: str, queues: Iterable[Queue]
) -> Iterator[tuple[Queue, dict[str, Any]]]:
    for queue in queues:
        try:
            yield queue, management.get("queues", vhost, queue.name)
        except Forbidden:
            raise
        except Unavailable:
            continue  # missing: the topology's check says so


def _policies(seen: Iterable[tuple[Queue, dict[str, Any]]]) -> Iterator[Result]:
    good = True
    for queue, found in seen:
        if queue.passive:
            continue
        names = [str(found[key]) for key in ("policy", "operator_policy") if found.get(key)]
        for key, value in (found.get("effective_policy_definition") or {}).items():
            if key in _HARM and _counts(key, value, queue.arguments):
                good = False
                yield Result(
                    f"policy on {queue.name}", "warning",
                    f"{' or '.join(names)} sets {key} to {value!r}: {_HARM[key]}",
                    "exclude the queue from the policy's pattern",
                )  # fmt: skip
    if good:
        yield Result("policies", "ok", "none changes a queue of ours")


def _counts(key: str, value: object, arguments: dict[str, Any]) -> bool:
    """Whether a policy's value has effect beside our argument: of two numbers the lower has."""
    own = arguments.get(f"x-{key}")
    if isinstance(own, int) and isinstance(value, int):
        return value < own
    return own is None


def _limits(seen: Iterable[tuple[Queue, dict[str, Any]]], number: str) -> Iterator[Result]:
    """Name the queues of others from which RabbitMQ soon drops what is given back."""
    for queue, found in seen:
        if not queue.passive or found.get("type") != "quorum":
            continue
        policy = found.get("effective_policy_definition") or {}
        arguments = found.get("arguments") or {}
        if "dead-letter-exchange" in policy or "x-dead-letter-exchange" in arguments:
            continue
        named = (policy.get("delivery-limit"), arguments.get("x-delivery-limit"))
        limits = [each for each in named if each is not None]
        # one below zero is none
        limit = min(
            (each for each in limits if each >= 0),
            default=None if limits else features(number).default_delivery_limit,
        )
        if limit is not None and limit < DELIVERY_LIMIT:
            yield Result(
                f"queue {queue.name}", "warning",
                f"RabbitMQ drops a message that comes back more than {limit} times: the queue has "
                "no dead-letter exchange, and a daemon that ends gives back what it holds",
                "have its owner set a dead-letter exchange, or a delivery limit of "
                f"{DELIVERY_LIMIT} or more",
            )  # fmt: skip


def timeouts(
    seen: Iterable[tuple[Queue, dict[str, Any]]], number: str, *, hold: float, forward: float
) -> Iterator[Result]:
    """Judge how long RabbitMQ waits for an acknowledgement in each queue, as far as is seen."""
    check = "consumer time-out"
    cancels = features(number).cancels_on_timeout
    what = "cancels the consumer" if cancels else "closes the channel"
    requests, sources = list[float](), list[float]()
    for queue, found in seen:
        policy = (found.get("effective_policy_definition") or {}).get("consumer-timeout")
        given = (policy, (found.get("arguments") or {}).get("x-consumer-timeout"))
        of_requests = queue.name.startswith(scoring_queue("").name)
        (requests if of_requests else sources).extend(each / 1000 for each in given if each)
    if cancels:
        # that is done by quorum queues alone
        requests.clear()
        forward = 0.0
    if not (sources or requests):
        yield Result(
            check, "unknown",
            f"no policy sets it; rabbitmq.conf may, else it is 30 minutes: it {what}",
            "`rabbitmqctl environment | grep consumer_timeout`: keep it over "
            f"{max(hold, forward):g} s",
        )  # fmt: skip
    if sources:
        yield _judged(
            check, min(sources), hold,
            f"a daemon may hold a message for {hold:g} s: it {what}, and messages are delivered "
            "again", "hold_seconds",
        )  # fmt: skip
    if requests:
        yield _judged(
            f"{check} of workers", min(requests), forward,
            f"a forward may take {forward:g} s: it {what} of the worker, and others get its texts",
            "score_timeout",
        )  # fmt: skip


def _judged(check: str, found: float, needed: float, why: str, setting: str) -> Result:
    if found >= needed:
        return Result(check, "ok", f"{found:g} s")
    return Result(
        check, "warning", f"{found:g} s by a policy or an argument of the queue, and {why}",
        f"set consumer-timeout to {needed * 1000:.0f} or more, or daemon.{setting} lower",
    )  # fmt: skip
