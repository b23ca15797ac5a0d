"""What RabbitMQ does differently from version to version, as data.

Each value was measured on 3.10.8, 4.0.5 and 4.3.6, and `tests/contract/test_features.py` measures
them again on every node that the tests run against. A difference between versions belongs here, and
code asks for it by name; no other file compares version numbers.
"""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import replace

_NUMBERS = re.compile(r"(\d+)\.(\d+)")


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker does.

    Every version counts a `basic.reject` with requeue, a closed channel and a lost connection
    in `x-delivery-count`, which the delivery limit bounds.

    Attributes:
        since: First series, as major and minor number, of which all this is true.
        counts_nack: Whether `basic.nack` with requeue, and `basic.recover`, count as well. Where
            they do not, a message can be given back as often as one likes.
        counts_consumer_timeout: Whether a delivery that was held too long counts.
        cancels_on_timeout: Whether a consumer time-out cancels the one consumer (`basic.cancel`),
            its other deliveries still being its own; else the channel is closed with 406.
        consumer_timeout_argument: Whether `x-consumer-timeout` of `basic.consume` sets the
            time-out of that consumer, in milliseconds.
        consumer_timeout_policy: Whether a policy may set it for queues, as `consumer-timeout`.
        acquired_count: Whether a quorum queue sends `x-acquired-count`, which counts every return.
        passive_needs_right: Whether a passive declaration is refused to a user who may neither
            configure, write nor read the thing, and one of a missing thing to a user who may not
            configure it.
        default_delivery_limit: Delivery limit of a quorum queue that names none; None is no limit.
        quorum_priorities: Strictly ordered priorities of a quorum queue; 1 means none.
        default_queue_type: Whether a virtual host may have a queue type of its own for queues that
            name none.
        deniable: What an operator may deny, or the broker denies by itself, of all that a client
            may ask: by the names of RabbitMQ's `list_deprecated_features`.
    """

    since: tuple[int, int]
    counts_nack: bool
    counts_consumer_timeout: bool
    cancels_on_timeout: bool
    consumer_timeout_argument: bool
    consumer_timeout_policy: bool
    acquired_count: bool
    passive_needs_right: bool
    default_delivery_limit: int | None
    quorum_priorities: int
    default_queue_type: bool
    deniable: tuple[str, ...]


_SINCE_3_10 = Features(
    since=(3, 10),
    counts_nack=True,
    counts_consumer_timeout=True,
    cancels_on_timeout=False,
    consumer_timeout_argument=False,
    consumer_timeout_policy=False,
    acquired_count=False,
    passive_needs_right=False,
    default_delivery_limit=None,
    quorum_priorities=1,
    default_queue_type=False,
    deniable=(),
)
_SINCE_4_0 = replace(
    _SINCE_3_10,
    since=(4, 0),
    consumer_timeout_policy=True,
    default_delivery_limit=20,
    default_queue_type=True,
    deniable=("transient_nonexcl_queues", "global_qos", "queue_master_locator"),
)
_SINCE_4_3 = replace(
    _SINCE_4_0,
    since=(4, 3),
    counts_nack=False,
    counts_consumer_timeout=False,
    cancels_on_timeout=True,
    consumer_timeout_argument=True,
    acquired_count=True,
    passive_needs_right=True,
    quorum_priorities=32,
)
SERIES = (_SINCE_3_10, _SINCE_4_0, _SINCE_4_3)
"""Oldest first. What lies between two of them is taken to be as the older one."""

OLDEST = SERIES[0].since
MAINTAINED = (4, 3)
"""Oldest series that its makers still fix for everybody, in November 2026: 4.2 ended in July. See
rabbitmq.com/release-information."""


def numbers(version: str) -> tuple[int, int]:
    """Return major and minor number of a version as the server reports it; zeros if unreadable."""
    found = _NUMBERS.match(version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def features(version: str) -> Features:
    """Return what a RabbitMQ of this version does.

    A version that cannot be read, or is older than all, is taken for the oldest: it counts every
    return, and has nothing that is new.
    """
    series = numbers(version)
    return next((each for each in reversed(SERIES) if each.since <= series), SERIES[0])
