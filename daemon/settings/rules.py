"""What no single value shows: clashes, expressions, names that lead nowhere."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from connectors.amqp import topology
from connectors.amqp.stream import start_of
from connectors.events import output
from connectors.mapping import MappingConfig
from connectors.mapping.cloudevents import is_attribute
from connectors.mapping.expressions import fault_of
from connectors.mapping.hints import meant
from connectors.mapping.template import expressions_in
from daemon.settings import server_rules, time_rules
from daemon.settings.connector import ConnectorSettings
from daemon.settings.problems import Problem
from daemon.settings.shape import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.settings.problems import Path
    from daemon.settings.sections import Settings

UNSUPPORTED = ("none", "label")
"""What may become of a text in a language that no model reads, beside another model's name."""
_TAG = re.compile(r"[a-z]{2,3}([-_][a-z0-9]{1,8})*", re.IGNORECASE)
_KEPT = (topology.PARKED, topology.UNROUTED)
_RESERVED = "amq."
_MAX_NAME_BYTES = 255
_OF_DOCUMENTS = (
    "document", "when", "each", "template", "message_id", "time", "language", "carry",
)  # fmt: skip


def problems(settings: Settings) -> Iterator[Problem]:
    """Find what keeps every process from starting."""
    yield from server_rules.problems(settings)
    yield from time_rules.problems(settings)
    if not settings.models:
        yield Problem(
            ("models",), "none is given, and without one nothing can be scored",
            "leave `models` out: then it is the one that comes with Tonebus",
        )  # fmt: skip
    for kind, items in (("connectors", settings.connectors), ("models", settings.models)):
        names = [item.name for item in items]
        for place, name in enumerate(names):
            if name in names[:place]:
                yield Problem(
                    (kind, place, "name"), f"two {kind} are named {name!r}", "rename one of them"
                )
    yield from _languages(settings)
    for place, each in enumerate(settings.connectors):
        here: Path = ("connectors", place)
        yield from _models(each, settings, here)
        yield from _lengths(each, here)
        yield from _expressions(each, here)
        yield from (_queue if each.queue else _exchanges)(each, settings, here)
        yield from _output(each, here)
    yield from _proxies(settings.api.trusted_proxies)


def _languages(settings: Settings) -> Iterator[Problem]:
    for place, model in enumerate(settings.models):
        if model.name in UNSUPPORTED:
            yield Problem(
                ("models", place, "name"), f"`unsupported = {model.name!r}` would not mean a model",
                "rename it",
            )  # fmt: skip
        for tag in model.languages:
            if not _TAG.fullmatch(tag):
                yield Problem(
                    ("models", place, "languages"), f"{tag!r} is no language tag",
                    "write them as 'en' or 'pt-BR'",
                )  # fmt: skip


def _models(each: ConnectorSettings, settings: Settings, here: Path) -> Iterator[Problem]:
    models = {model.name: model for model in settings.models}
    both = {*settings.models_of(each), each.shadow} & models.keys()
    kinds = {models[name].labels == "model" for name in both}
    named = [("model", name) for name in each.models]
    named += [("also", name) for name in each.also]
    named += [("shadow", each.shadow)] if each.shadow else []
    named += [("unsupported", each.unsupported)] if each.unsupported not in UNSUPPORTED else []
    for key, name in named:
        if name not in models:
            others = {*models, *UNSUPPORTED} if key == "unsupported" else models
            yield Problem((*here, key), f"no model is named {name!r}", suggestion(name, others))
    if len(set(each.models)) < len(each.models):
        yield Problem((*here, "model"), "a model is named twice", "name each once")
    taken = [*settings.models_of(each), each.unsupported, each.shadow]
    for place, name in enumerate(each.also):
        if name in taken + list(each.also[:place]):
            yield Problem(
                (*here, "also"), f"{name!r} scores this connector already",
                "name each model once: a further model is one beside `model`, `unsupported` and "
                "`shadow`",
            )  # fmt: skip
    if each.shadow and each.shadow in settings.models_of(each):
        yield Problem(
            (*here, "shadow"), f"{each.shadow!r} scores this connector already",
            "name another model, to compare the two",
        )  # fmt: skip
    elif each.shadow and len(kinds) > 1:
        yield Problem(
            (*here, "shadow"), "one of the two models has labels of its own, and the other tones",
            "compare models of the same labels",
        )  # fmt: skip


def _lengths(each: ConnectorSettings, here: Path) -> Iterator[Problem]:
    """AMQP counts a name's bytes, and the settings' structure can only count characters."""
    names = [
        (("exchange",), each.exchange),
        (("queue",), each.queue),
        (("output", "exchange"), each.output.exchange),
    ]
    names += [(("bindings",), binding) for binding in each.bindings]
    names += [(("output", "headers"), header) for header in each.output.headers]
    for path, name in names:
        if len(name.encode()) > _MAX_NAME_BYTES:
            yield Problem(
                (*here, *path), f"longer than {_MAX_NAME_BYTES} bytes in UTF-8", "shorten it"
            )


def _expressions(each: ConnectorSettings, here: Path) -> Iterator[Problem]:
    if not each.text:
        yield Problem((*here, "text"), "empty", "name the field that holds the text")
    for name, expression in each.mapping_config().expressions().items():
        if said := fault_of(expression):
            yield Problem(
                (*here, *name.split(".", 1)),
                said,
                meant(expression) or "see https://jmespath.org/tutorial.html",
            )
    if each.template and each.text != MappingConfig().text:
        yield Problem(
            (*here, "template"), "stands in place of `text`, and both are set", "leave one out"
        )
    if each.template and not expressions_in(each.template):
        yield Problem(
            (*here, "template"), "has no field", "put fields into braces: '{subject}\\n\\n{body}'"
        )
    fields = [name for name in _OF_DOCUMENTS if getattr(each, name)]
    if each.format == "text" and fields:
        yield Problem(
            (*here, fields[0]), "a message of format `text` has no fields",
            "set format = 'json', or leave this out",
        )  # fmt: skip


def _exchanges(each: ConnectorSettings, settings: Settings, here: Path) -> Iterator[Problem]:
    if each.offset != "":
        yield Problem(
            (*here, "offset"), "says where to begin in a stream, and `queue` names none",
            "name the stream by `queue`, or leave `offset` out",
        )  # fmt: skip
    targets = {other.output.exchange for other in settings.connectors}
    if each.exchange in {*_KEPT, topology.RESULTS}:
        yield Problem(
            (*here, "exchange"), f"{each.exchange!r} is Tonebus's own", "read from another exchange"
        )
    elif each.exchange in targets:
        yield Problem(
            (*here, "exchange"), f"{each.exchange!r} is also where events are published",
            "read from one exchange and publish to another, or events come back as input",
        )  # fmt: skip
    if each.exchange.startswith(_RESERVED) and not each.passive:
        yield Problem(
            (*here, "exchange"), "nobody may declare an exchange named amq.…", "set passive = true"
        )
    for other in settings.connectors:
        if other.exchange == each.exchange and other.passive and not each.passive:
            yield Problem(
                (*here, "passive"),
                f"connector {other.name!r} says that {each.exchange!r} belongs to others",
                "set passive = true here, or false there",
            )


def _queue(each: ConnectorSettings, settings: Settings, here: Path) -> Iterator[Problem]:
    default = ConnectorSettings()
    for name in ("exchange", "bindings", "passive"):
        if getattr(each, name) != getattr(default, name):
            yield Problem(
                (*here, name), "says nothing where `queue` names a queue of others",
                "leave one of the two out",
            )  # fmt: skip
    own = {topology.PARKED, topology.UNROUTED, *(topology.scoring_queue(one.name).name
           for one in settings.models)}  # fmt: skip
    if each.queue in own or each.queue.startswith((_RESERVED, topology.source_queue(""))):
        yield Problem(
            (*here, "queue"), f"{each.queue!r} is not a queue of others",
            "name the queue of your upstream, or leave it out for one of the connector's own",
        )  # fmt: skip
    yield from _offset(each, here)
    sharing = [one.name for one in settings.connectors if one.queue == each.queue]
    if sharing[0] != each.name:
        yield Problem(
            (*here, "queue"), f"connector {sharing[0]!r} consumes from it, and each message goes "
            "to one consumer alone", "give each connector a queue of its own",
        )  # fmt: skip


def _offset(each: ConnectorSettings, here: Path) -> Iterator[Problem]:
    if each.offset == "":
        return
    try:
        start_of(each.offset)
    except ValueError:
        yield Problem(
            (*here, "offset"), f"{each.offset!r} is no place in a stream",
            "'first', 'last', 'next', a time such as '2026-11-01T00:00:00Z', or a number",
        )  # fmt: skip
    if each.priority:
        yield Problem(
            (*here, "priority"), "a stream gives every message to every consumer",
            "leave `priority` out, or `offset` where `queue` is no stream",
        )  # fmt: skip


def _output(each: ConnectorSettings, here: Path) -> Iterator[Problem]:
    out = each.output
    if said := output.fault_of(out.routing_key):
        yield Problem(
            (*here, "output", "routing_key"), said, f"the default is '{output.ROUTING_KEY}'"
        )
    if out.exchange in _KEPT or out.exchange.startswith(_RESERVED):
        yield Problem(
            (*here, "output", "exchange"), f"{out.exchange!r} is not for events",
            f"the default is '{topology.RESULTS}'",
        )  # fmt: skip
    for name in out.headers:
        if is_attribute(name):
            yield Problem(
                (*here, "output", "headers"),
                f"{name!r} would be taken for an attribute of the event",
                "carry it under another name, by `carry`",
            )
        if name in {"CC", "BCC"}:
            yield Problem(
                (*here, "output", "headers"),
                f"by {name!r} RabbitMQ delivers copies of an event to the queues that a publisher "
                "names",
                "leave it out",
            )


def _proxies(listed: str) -> Iterator[Problem]:
    for each in filter(None, map(str.strip, listed.split(","))):
        try:
            ipaddress.ip_network(each)
        except ValueError:
            yield Problem(
                ("api", "trusted_proxies"), f"{each!r} is no address and no network",
                "separate them by commas: '127.0.0.1, 10.0.0.0/8'",
            )  # fmt: skip
