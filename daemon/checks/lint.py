"""What can be said against settings of the right shape: what cannot work, and what is unsafe."""

from __future__ import annotations

import itertools
import stat
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis

from connectors.errors import Misconfigured
from daemon.checks import identity
from daemon.model.identity import identify
from daemon.process import wiring
from daemon.settings.problems import Fault
from daemon.status.hosts import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings import Settings
    from daemon.settings.loading import Read

_SECRETS = (("broker", "url"), ("redis", "url"), ("redis", "secret"), ("api", "token"))


def advice(found: Read, settings: Settings) -> Iterator[Fault]:
    """Find what would fail at the start, and what is better otherwise; nothing is connected.

    Args:
        found: What was read, for what stands in the file itself.
        settings: The settings in it.
    """
    yield from _hopeless(settings)
    yield from _open_to_others(settings)
    yield from _kept_in_file(found, settings)
    yield from _overlaps(settings)
    yield from identity.warnings(settings)
    if not settings.redis.secret:
        yield Fault(
            ("redis", "secret"),
            "not set: whoever reads Redis can test whether a given text was seen, and whoever "
            "writes it can forge a mark, so that a message is acknowledged without its event",
            "set TONEBUS_REDIS_SECRET to a random string, the same for every process",
            "warning",
        )


def _hopeless(settings: Settings) -> Iterator[Fault]:
    try:
        wiring.broker(settings, "tonebus check")
    except Misconfigured as error:
        yield Fault(("broker", "url"), str(error))
    try:
        redis.Redis.from_url(settings.redis.url)
    except ValueError:
        yield Fault(("redis", "url"), "not a Redis URL", "write redis://host:6379/0")
    try:
        wiring.worst_case_bytes(settings)
    except Misconfigured as error:
        yield Fault(("daemon", "memory_ceiling"), str(error))
    for place, model in enumerate(settings.models):
        try:
            identify(model)
        except Misconfigured as error:
            yield Fault(("models", place), str(error))


def _open_to_others(settings: Settings) -> Iterator[Fault]:
    if not (settings.api.token or is_loopback(settings.api.host)):
        yield Fault(
            ("api", "token"), f"not set, and host {settings.api.host!r} is open to others",
            "set TONEBUS_API_TOKEN, or host = '127.0.0.1'",
        )  # fmt: skip
    for url in settings.broker.url.split(";"):
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        if is_loopback(host):
            continue
        if parts.scheme != "amqps":
            yield Fault(
                ("broker", "url"), f"texts and the password go to {host!r} in the clear",
                "use amqps:// and port 5671", "warning",
            )  # fmt: skip
        if parts.username in {None, "guest"}:
            yield Fault(
                ("broker", "url"),
                f"RabbitMQ lets user guest in from localhost only, and this is {host!r}",
                "give Tonebus a user of its own: see docs/permissions.md", "warning",
            )  # fmt: skip
    redis_parts = urlsplit(settings.redis.url)
    if redis_parts.scheme == "redis" and not is_loopback(redis_parts.hostname or "localhost"):
        yield Fault(
            ("redis", "url"), f"goes to {redis_parts.hostname!r} in the clear", "use rediss://",
            "warning",
        )  # fmt: skip


def _kept_in_file(found: Read, settings: Settings) -> Iterator[Fault]:
    if found.path is None:
        return
    in_file = [path for path in _SECRETS if path in found.lines and _is_secret(path, settings)]
    for section, key in in_file:
        yield Fault(
            (section, key), "a secret stands in the file",
            f"put it into $CREDENTIALS_DIRECTORY/{section}_{key}, or the variable "
            f"TONEBUS_{section.upper()}_{key.upper()}",
            "warning",
        )  # fmt: skip
    if in_file and found.path.stat().st_mode & stat.S_IROTH:
        yield Fault(
            (), "holds secrets, and everybody may read it", f"chmod o-r {found.path}", "warning"
        )


def _is_secret(path: tuple[str, str], settings: Settings) -> bool:
    value = getattr(getattr(settings, path[0]), path[1])
    return bool(urlsplit(value).password not in {None, "guest"} if path[1] == "url" else value)


def _overlaps(settings: Settings) -> Iterator[Fault]:
    numbered = enumerate(settings.connectors)
    for (_, one), (place, other) in itertools.combinations(numbered, 2):
        shared = set(one.bindings) & set(other.bindings)
        if one.exchange == other.exchange and shared:
            yield Fault(
                ("connectors", place, "bindings"),
                f"{min(shared)!r} is bound by {one.name!r} as well: a message there gets "
                "an event from each",
                "leave it to one of them, unless that is what you want", "warning",
            )  # fmt: skip
