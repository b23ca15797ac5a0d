"""What the settings say of servers: URLs, certificates and how to log in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connectors import tls
from connectors.amqp.nodes import nodes
from connectors.cache.address import address
from connectors.urls import WrongUrl
from daemon.settings.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daemon.settings.sections import BrokerSettings, RedisSettings, Settings

_HEADER_TOKEN = re.compile(r"[\x21-\x7e]*")


def problems(settings: Settings) -> Iterator[Problem]:
    """Find what keeps every process from reaching a server."""
    yield from _server("broker", nodes, settings.broker)
    yield from _server("redis", address, settings.redis)
    broker = settings.broker
    if broker.external and not (broker.cert_file and broker.url.startswith("amqps://")):
        yield Problem(
            ("broker", "login"), "'certificate' needs one to show, and TLS to show it by",
            "set cert_file and key_file, and use amqps:// in url",
        )  # fmt: skip
    for place, model in enumerate(settings.models):
        if "://" in model.source:
            yield Problem(
                ("models", place, "source"), "a URL is no model",
                "name a directory, or the id of a model on a hub",
            )  # fmt: skip
    if not _HEADER_TOKEN.fullmatch(settings.api.token):
        yield Problem(
            ("api", "token"), "holds a blank or a character that no Authorization header carries",
            "use letters, digits and punctuation of ASCII: `openssl rand -hex 32` makes a good one",
        )  # fmt: skip


def _server(
    name: str, read: Callable[[str], object], section: BrokerSettings | RedisSettings
) -> Iterator[Problem]:
    try:
        read(section.url)
    except WrongUrl as error:
        yield Problem((name, "url"), error.what, error.fix)
    for problem in tls.problems(section.tls):
        yield Problem((name, problem.field), problem.what, problem.fix)
