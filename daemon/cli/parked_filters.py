"""Which of the parked messages are meant."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import click
import msgspec

from connectors.amqp import topology

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.parking.entry import ParkedMessage
    from connectors.parking.parked_queue import ParkedQueue

_SLOWEST, _FASTEST = 0.001, 100_000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


class Filter(msgspec.Struct, frozen=True):
    """Which of the parked messages are meant; what is empty matches everything.

    Attributes:
        routing_key: A binding key: `ticket.*.commented`.
        older_than: Seconds.
        newer_than: Seconds.
        limit: How many at most; 0 is all.
    """

    key: str = ""
    reason: str = ""
    connector: str = ""
    routing_key: str = ""
    older_than: float | None = None
    newer_than: float | None = None
    limit: int = 0

    def of(self, queue: ParkedQueue) -> Iterator[ParkedMessage]:
        found = 0
        for each in queue:
            if self.matches(each):
                found += 1
                yield each
                if found == self.limit:
                    return

    def matches(self, each: ParkedMessage) -> bool:
        if self.older_than is not None and (each.age is None or each.age < self.older_than):
            return False
        if self.newer_than is not None and (each.age is None or each.age > self.newer_than):
            return False
        if self.routing_key:
            pattern = topology.topic_pattern(self.routing_key)
            if not pattern.fullmatch(topology.with_dots(each.routing_key)):
                return False
        return (
            each.key.startswith(self.key)
            and self.reason in {"", each.code}
            and self.connector in {"", each.connector}
        )

    def __str__(self) -> str:
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value}
        return ", ".join(f"{name} {value}" for name, value in given.items()) or "all"


def filters(default_limit: int = 0) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a filter; it gets them as its first argument."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_filter(**options: Any) -> None:  # noqa: ANN401 - click's own
            names = Filter.__struct_fields__
            own = {name: options.pop(name) for name in names}
            command(Filter(**own), **options)

        for option in reversed(_options(default_limit)):
            with_filter = option(with_filter)
        return with_filter

    return decorate


def shown_age(seconds: float | None) -> str:
    """Return an age as people say it."""
    if seconds is None:
        return "?"
    for unit, size in reversed(_UNITS.items()):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit} ago"
    return "now"


class _Duration(click.ParamType[float]):
    """`90s`, `30m`, `2h` or `7d`."""

    name = "duration"

    def convert(self, value: object, _param: object, _ctx: object) -> float:
        found = _DURATION.fullmatch(str(value))
        if not found:
            self.fail(f"{value!r} is no duration; write 90s, 30m, 2h or 7d")
        return float(found[1]) * _UNITS[found[2]]


class Rate(click.ParamType[float]):
    """Messages a second; a range of click's own lets `nan` pass, and `inf`."""

    name = "rate"

    def convert(self, value: object, _param: object, _ctx: object) -> float:
        try:
            rate = float(str(value))
        except ValueError:
            rate = 0.0
        if not _SLOWEST <= rate <= _FASTEST:
            self.fail(f"{value!r} is no rate; write a number from {_SLOWEST} to {_FASTEST}")
        return rate


def _options(limit: int) -> list[Callable[[Any], Any]]:
    return [
        click.option("--key", default="", help="The message with this key, or its beginning."),
        click.option("--reason", default="", help="Only this reason code, such as json."),
        click.option("--connector", default="", help="Only messages of this connector."),
        click.option("--routing-key", default="", help="Only keys of this pattern, such as chat.#"),
        click.option("--older-than", type=_Duration(), help="Parked longer ago, such as 2h or 7d."),
        click.option("--newer-than", type=_Duration(), help="Parked since, such as 30m."),
        click.option("--limit", type=click.IntRange(min=0), default=limit, show_default=True,
                     help="So many at most; 0 is all."),
    ]  # fmt: skip
