"""From settings to the parts that a process is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tenacity

from connectors.amqp import topology as bus
from connectors.amqp.bus import Rabbit, declared
from connectors.amqp.connection import Broker
from connectors.amqp.source import Source
from connectors.amqp.subscription import Subscription
from connectors.cache import Cache, RedisStore
from connectors.cache import deployment as cache_deployment
from connectors.errors import Misconfigured
from connectors.events.output import Output
from connectors.mapping import Mapper
from connectors.mapping.finding import MAX_TEXTS
from daemon.model.identity import ModelIdentity, identify
from daemon.pipeline.breaker import Breaker
from daemon.pipeline.limits import HELD_CHARS, HELD_ITEMS, WINDOW_BYTES
from daemon.pipeline.routing import Routing, ServedModel
from daemon.pipeline.tally import Tally
from daemon.pipeline.work import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from connectors.amqp.topology import Topology
    from connectors.cache import Store
    from daemon.settings import ConnectorSettings, Settings
    from daemon.telemetry.registry import Registry

_FEWEST_HELD, _MOST_HELD = 500, 1000
"""Deliveries that a connector may hold by default."""
_ITEM_BYTES = 2048
"""An item with its text's objects, its keys, its event id and its place in the batches."""
_ANSWER_BYTES = 20 * 1024
"""What a further model says of a text: a hundred labels of 64 characters, with probabilities."""
_PARSED = 16
"""Times its size that a JSON document takes when it is parsed into many small objects."""

RECONNECT_PAUSES = tenacity.wait_exponential(multiplier=0.2, max=10) + tenacity.wait_random(0, 0.5)
"""Seconds between two attempts to connect: growing, and not the same for every process."""


def broker(settings: Settings, name: str) -> Broker:
    """Return a connection to RabbitMQ, not yet open, with its name there."""
    return Broker(
        settings.broker.url,
        name=name,
        heartbeat=settings.broker.heartbeat,
        connect_timeout=settings.broker.connect_timeout,
        tls=settings.broker.tls,
        external=settings.broker.external,
    )


def rabbit(
    settings: Settings, name: str, subscriptions: Sequence[Subscription] = (),
    source: Callable[..., Source] = Source,
) -> Rabbit:  # fmt: skip
    """Return the edges at RabbitMQ; without subscriptions they only ask and publish."""
    return Rabbit(
        broker(settings, name),
        models=[model.name for model in settings.models],
        subscriptions=subscriptions,
        prefetch=prefetch(settings),
        max_body_bytes=settings.daemon.max_body_bytes,
        manage=settings.broker.manage_topology,
        source=source,
    )


def subscriptions(settings: Settings) -> list[Subscription]:
    return [
        Subscription(
            each.name,
            each.exchange,
            each.bindings,
            passive=each.passive,
            prefetch=each.prefetch,
            output=each.output.exchange,
            queue=each.queue,
            offset=each.offset,
            arguments={"x-priority": each.priority} if each.priority else {},
        )
        for each in settings.connectors
    ]


def topology(settings: Settings) -> list[Topology]:
    return declared(subscriptions(settings), [model.name for model in settings.models])


def prepare(settings: Settings, broker: Broker, *parts: Topology) -> None:
    """Declare parts of the topology, or find them in place where they are not ours to declare.

    Raises:
        Misconfigured: Something is missing, is otherwise, or may not be declared.
    """
    if settings.broker.manage_topology:
        bus.apply(broker, *parts)
    else:
        bus.verify(broker, *parts)


def redis_store(settings: Settings) -> RedisStore:
    return RedisStore(
        settings.redis.url,
        timeout=settings.redis.timeout,
        tls=settings.redis.tls,
        deployment=deployment(settings),
    )


def deployment(settings: Settings) -> str:
    """Return whose entries are read and written in Redis."""
    return cache_deployment(settings.broker.url, settings.redis.deployment)


def cache(settings: Settings, store: Store) -> Cache:
    return Cache(
        store,
        secret=settings.redis.secret,
        score_ttl=settings.redis.score_ttl,
        mark_ttl=settings.redis.mark_ttl,
        deployment=deployment(settings),
    )


def identities(settings: Settings) -> dict[str, ModelIdentity]:
    """Return what each model is known by.

    Raises:
        Misconfigured: A model cannot be identified.
    """
    return {model.name: identify(model) for model in settings.models}


def routes(settings: Settings) -> dict[str, Route]:
    """Return how each connector is read and scored.

    Raises:
        Misconfigured: A model cannot be identified.
    """
    known = identities(settings)
    return {
        each.name: Route(
            mapper(settings, each),
            routing(settings, each, known),
            Output(each.output, each.doubt),
            ServedModel(each.shadow, known[each.shadow]) if each.shadow else None,
            tuple(ServedModel(name, known[name]) for name in each.also),
        )
        for each in settings.connectors
    }


def routing(
    settings: Settings, connector: ConnectorSettings, known: Mapping[str, ModelIdentity]
) -> Routing:
    models = [ServedModel(name, known[name]) for name in settings.models_of(connector)]
    otherwise = {"none": None, "label": models[0]}
    name = connector.unsupported
    return Routing(models, otherwise[name] if name in otherwise else ServedModel(name, known[name]))


def routed_models(settings: Settings) -> tuple[str, ...]:
    """Return the models that connectors or callers send texts to; shadows are not among them."""
    return (*_in_charge(settings), *further_models(settings)) or settings.usual_models


def further_models(settings: Settings) -> dict[str, list[str]]:
    """Return the models that give further answers alone, with the connectors that want them."""
    found: dict[str, list[str]] = {}
    for each in settings.connectors:
        for name in each.also:
            if name not in _in_charge(settings):
                found.setdefault(name, []).append(each.name)
    return found


def _in_charge(settings: Settings) -> tuple[str, ...]:
    known = {model.name for model in settings.models}
    names = [
        name
        for each in settings.connectors
        for name in (*settings.models_of(each), each.unsupported)
    ]
    return tuple(name for name in dict.fromkeys(names) if name in known)


def mapper(settings: Settings, connector: ConnectorSettings) -> Mapper:
    return Mapper(
        connector.mapping_config(),
        max_body_bytes=settings.daemon.max_body_bytes,
        max_text_chars=settings.daemon.max_text_chars,
        max_mapped_bytes=settings.daemon.max_mapped_bytes,
        max_steps=settings.daemon.max_mapping_steps,
    )


def tally(settings: Settings, registry: Registry) -> Tally:
    def breaker() -> Breaker:
        return Breaker(window=settings.daemon.parked_window, share=settings.daemon.parked_share)

    return Tally(
        registry,
        mapping={each.name: breaker() for each in settings.connectors},
        scoring={each.name: breaker() for each in settings.models},
    )


def prefetch(settings: Settings) -> int:
    """Return the deliveries that a connector may hold that has no number of its own.

    A connector that is alone may hold more by default, for several share the memory.
    """
    if settings.broker.prefetch:
        return settings.broker.prefetch
    if len(settings.connectors) != 1:
        return _FEWEST_HELD
    room = settings.daemon.memory_ceiling - _bytes_beside_bodies(settings)
    fits = room // (settings.daemon.max_body_bytes * _queues(settings.connectors[0]))
    return max(_FEWEST_HELD, min(_MOST_HELD, fits))


def worst_case_bytes(settings: Settings) -> int:
    """Return the memory that messages may take when every one is as large as allowed.

    That is: their bodies; the texts and items of those that are mapped, one message beyond the
    bound among them, with the answers of further models; the events that are unconfirmed, with
    the write buffer; one turn's worth of messages being made.

    Raises:
        Misconfigured: It is more than `memory_ceiling`.
    """
    usual = prefetch(settings)
    held = sum((each.prefetch or usual) * _queues(each) for each in settings.connectors)
    worst = held * settings.daemon.max_body_bytes + _bytes_beside_bodies(settings)
    if worst > settings.daemon.memory_ceiling:
        raise Misconfigured(
            f"{held} deliveries (prefetch times connectors) of "
            f"{settings.daemon.max_body_bytes} bytes "
            f"may take {worst} bytes, over daemon.memory_ceiling {settings.daemon.memory_ceiling}. "
            "Fix: lower broker.prefetch or daemon.max_body_bytes, or raise the ceiling"
        )
    return worst


def _queues(connector: ConnectorSettings) -> int:
    # a stream is read beside a queue that takes its replays
    return 1 if connector.offset == "" else 2


def _bytes_beside_bodies(settings: Settings) -> int:
    body = settings.daemon.max_body_bytes
    # what a document is parsed into, and what is held of it, takes some times its size
    texts = (HELD_CHARS + body + settings.daemon.max_mapped_bytes) * _PARSED
    answers = max((len(each.also) for each in settings.connectors), default=0)
    items = (HELD_ITEMS + MAX_TEXTS) * (_ITEM_BYTES + answers * _ANSWER_BYTES)
    # a body waits for its confirm, and a copy of it in the write buffer
    return texts + items + 2 * (WINDOW_BYTES + body)
