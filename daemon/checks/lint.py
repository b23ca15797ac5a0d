"""What can be said against settings of the right shape: what cannot work, and what is unsafe."""

from __future__ import annotations

import itertools
import stat
from typing import TYPE_CHECKING

from connectors.amqp.nodes import nodes
from connectors.cache.address import address
from connectors.errors import Misconfigured
from connectors.mapping.hints import doubts
from connectors.urls import is_loopback
from daemon.checks import identity
from daemon.model.identity import identify
from daemon.process import wiring
from daemon.settings import time_rules
from daemon.settings.layers import SECRETS
from daemon.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings import Settings
    from daemon.settings.loading import LoadedSettings
    from daemon.settings.problems import Path


def advice(found: LoadedSettings, settings: Settings) -> Iterator[Problem]:
    """Find what would fail at the start, and what is better otherwise; nothing is connected."""
    yield from _hopeless(settings)
    yield from _open_to_others(settings)
    yield from _without_effect(settings)
    yield from _kept_in_file(found, settings)
    yield from _overlaps(settings)
    yield from identity.warnings(settings)
    yield from time_rules.warnings(settings)
    yield from _doubtful_mappings(settings)
    if not settings.redis.secret:
        yield Problem(
            ("redis", "secret"),
            "not set: anyone who reads Redis can test whether a given text was seen, and anyone "
            "who writes it can forge a mark, so that a message is acknowledged without its event",
            "set TONEBUS_REDIS_SECRET to a random string, the same for every process",
            "warning",
        )


def _doubtful_mappings(settings: Settings) -> Iterator[Problem]:
    for place, each in enumerate(settings.connectors):
        for doubt in doubts(each.mapping_config()):
            where: Path = ("connectors", place, *doubt.setting.split(".", 1))
            yield Problem(where, doubt.what, doubt.fix, "warning")


def _hopeless(settings: Settings) -> Iterator[Problem]:
    try:
        wiring.worst_case_bytes(settings)
    except Misconfigured as error:
        yield Problem(("daemon", "memory_ceiling"), str(error))
    for place, model in enumerate(settings.models):
        try:
            identify(model)
        except Misconfigured as error:
            yield Problem(("models", place), str(error))


def _open_to_others(settings: Settings) -> Iterator[Problem]:
    if not (settings.api.token or is_loopback(settings.api.host)):
        yield Problem(
            ("api", "token"), f"not set, and host {settings.api.host!r} is open to others",
            "set TONEBUS_API_TOKEN, or host = '127.0.0.1'",
        )  # fmt: skip
    elif settings.api.trusted_proxies and not settings.api.token:
        yield Problem(
            ("api", "token"), "not set, and a proxy in front opens the API to others",
            "set TONEBUS_API_TOKEN", "warning",
        )  # fmt: skip
    for node in nodes(settings.broker.url):
        if is_loopback(node.host):
            continue
        if not node.tls:
            yield Problem(
                ("broker", "url"), f"texts and the password go to {node.host!r} in the clear",
                "use amqps:// and port 5671", "warning",
            )  # fmt: skip
        if node.user == "guest" and not settings.broker.external:
            yield Problem(
                ("broker", "url"),
                f"RabbitMQ lets user guest in from localhost only, and this is {node.host!r}",
                "give Tonebus a user of its own: see docs/how-to/permissions.md", "warning",
            )  # fmt: skip
    redis = address(settings.redis.url)
    shared = redis.places and not any(is_loopback(host) for host, _ in redis.places)
    local = any(is_loopback(node.host) for node in nodes(settings.broker.url))
    if shared and local and not settings.redis.deployment:
        yield Problem(
            ("redis", "deployment"),
            "not set, and RabbitMQ is reached by the loopback: processes on other hosts count as "
            "another deployment, and share neither scores nor the status page",
            "give it one name on every host where the same RabbitMQ is meant", "warning",
        )  # fmt: skip
    for host, _ in redis.places:
        if not (redis.tls or is_loopback(host)):
            yield Problem(
                ("redis", "url"), f"goes to {host!r} in the clear", "use rediss://", "warning"
            )


def _without_effect(settings: Settings) -> Iterator[Problem]:
    """Find certificates that nobody will look at, since the connection is not encrypted."""
    sections = (
        ("broker", settings.broker.tls, nodes(settings.broker.url)[0].tls, "amqps://"),
        ("redis", settings.redis.tls, address(settings.redis.url).tls, "rediss://"),
    )
    for name, tls, encrypted, scheme in sections:
        for field, file in tls._asdict().items():
            if file and not encrypted:
                yield Problem(
                    (name, field), "without effect, for the connection is not encrypted",
                    f"use {scheme} in [{name}] url", "warning",
                )  # fmt: skip


def _kept_in_file(found: LoadedSettings, settings: Settings) -> Iterator[Problem]:
    if found.path is None:
        return
    in_file = [path for path in SECRETS if path in found.lines and _is_secret(path, settings)]
    for section, key in in_file:
        yield Problem(
            (section, key), "a secret stands in the file",
            f"put it into $CREDENTIALS_DIRECTORY/{section}_{key}, or the variable "
            f"TONEBUS_{section.upper()}_{key.upper()}",
            "warning",
        )  # fmt: skip
    if in_file and found.path.stat().st_mode & stat.S_IROTH:
        yield Problem(
            (), "holds secrets, and everybody may read it", f"chmod o-r {found.path}", "warning"
        )


def _is_secret(path: tuple[str, str], settings: Settings) -> bool:
    if path == ("broker", "url"):
        return any(node.password != node.user for node in nodes(settings.broker.url))
    if path == ("redis", "url"):
        return bool(address(settings.redis.url).password)
    return bool(getattr(getattr(settings, path[0]), path[1]))


def _overlaps(settings: Settings) -> Iterator[Problem]:
    numbered = enumerate(settings.connectors)
    for (_, one), (place, other) in itertools.combinations(numbered, 2):
        shared = set(one.bindings) & set(other.bindings)
        if one.exchange == other.exchange and shared and not (one.queue or other.queue):
            yield Problem(
                ("connectors", place, "bindings"),
                f"{min(shared)!r} is bound by {one.name!r} as well: a message there gets "
                "an event from each",
                "leave it to one of them, unless that is what you want", "warning",
            )  # fmt: skip
