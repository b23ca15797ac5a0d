"""Label the past of a connector again: the daemon's own pipeline over it, behind live traffic."""

from __future__ import annotations

import contextlib
import functools
import signal
from typing import TYPE_CHECKING

import msgspec

from connectors.amqp import topology
from connectors.amqp.past import Past, PastSource
from connectors.amqp.subscription import Subscription
from connectors.amqp.topology import Topology
from connectors.errors import BadInput, Skip
from connectors.events.event import event_id
from connectors.messages import Model
from daemon.process import wiring
from daemon.process.service import serving
from daemon.process.signals import Signals
from daemon.status.reporter import Reporter
from daemon.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from connectors.amqp.connection import Broker
    from connectors.cache import RedisStore
    from connectors.delivery import Delivery
    from daemon.settings import ConnectorSettings, Settings
    from daemon.status.snapshot import DaemonSnapshot

_SHARE = 8
"""Part of a batch's work that one of the past has, so that live texts wait no longer behind it."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to label again; one of `stream`, `queue` and `file` says from where.

    Attributes:
        offset: Where to begin in a stream.
        only: Revision of a model: only what it has labelled; empty for all.
        rate: Messages a second at most; 0 is no bound.
    """

    connector: ConnectorSettings
    stream: str = ""
    queue: str = ""
    file: Path | None = None
    offset: str | int = "first"
    only: str = ""
    rate: float = 0.0


class Done(msgspec.Struct, frozen=True):
    """What has come of it.

    Attributes:
        ended: Whether all is done; else it goes on from here when it is run again.
        events: Published.
        known: Texts that the model of now had labelled before.
        skipped: Messages that ask for no event.
        passed_over: Messages that `only` leaves out.
    """

    ended: bool
    done: int
    total: int
    events: int
    known: int
    parked: int
    skipped: int
    passed_over: int


class _Subscription(Subscription, frozen=True):
    """The past of a connector; nothing is declared for it but where its place is kept."""

    file: bool = False

    @property
    def topology(self) -> Topology:
        if self.file:
            return Topology()
        of = topology.Queue(self.queue, {}, passive=True, stream=bool(self.stream))
        return Topology(queues=(of,))


class _Reporter(Reporter):
    """Reports to the terminal, and not as one more daemon."""

    def __init__(self, show: Callable[[], object]) -> None:
        super().__init__()
        self._show = show

    def _post(self, now: float, snapshot: DaemonSnapshot) -> None:  # noqa: ARG002 - the counters say it
        self._show()


class _LabelledBy:
    """Finds the messages that a revision has labelled, by its published-marks."""

    def __init__(self, settings: Settings, job: Job, store: RedisStore) -> None:
        self._mapper = wiring.mapper(settings, job.connector)
        self._cache = wiring.cache(settings, store)
        self._store = store
        self._model = Model("", job.only)

    def __call__(self, deliveries: Sequence[Delivery]) -> list[bool] | None:
        """Say which of them are wanted; None where Redis cannot be asked."""
        keys = [self._keys(each) for each in deliveries]
        _, marks = self._cache.look_up([], [key for each in keys for key in each])
        return None if self._store.fault else [not marks.isdisjoint(each) for each in keys]

    def _keys(self, delivery: Delivery) -> list[bytes]:
        try:
            texts = self._mapper.read(delivery).texts
        except (BadInput, Skip):
            return []
        ids = (event_id(delivery.connector, text) for text in texts)
        return [self._cache.mark_key(each, self._model) for each in ids]


def run(
    settings: Settings, job: Job, connect: Callable[[], Broker], show: Callable[[Past], object]
) -> Done:  # fmt: skip
    """Label it all again, or until told to stop by SIGINT or SIGTERM.

    What is declared before, and deleted after, has a connection of its own, by `connect`; `show` is
    called once a second.

    Raises:
        Misconfigured: There is nothing to read there, or somebody else does.
    """
    chosen = msgspec.structs.replace(job.connector, shadow="")
    settings = msgspec.structs.replace(
        settings,
        connectors=(chosen,),
        daemon=msgspec.structs.replace(
            settings.daemon, batch_seconds=settings.daemon.batch_seconds / _SHARE
        ),
    )
    signals = Signals(lambda: settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signals.ask_stop)
    store = wiring.redis_store(settings)
    wanted = _LabelledBy(settings, job, store) if job.only else None
    past = Past(signals.ask_stop, job.file, job.rate, wanted)
    subscription = _subscription(settings, job)
    keep = topology.place_queue(subscription.keep)
    # nobody would keep its heartbeat meanwhile
    with contextlib.closing(connect()) as broker:
        topology.apply(broker, Topology(queues=(keep,)))
    source = functools.partial(PastSource, past=past)
    edges = wiring.rabbit(settings, "tonebus relabel", [subscription], source)
    reporter = _Reporter(lambda: show(past))
    with serving(settings, edges, store, signals, reporter, yields=True) as service:
        service.run()
    if past.ended:
        # the next one starts at the beginning
        with contextlib.closing(connect()) as broker:
            broker.attempt(broker.channel().queue_delete, keep.name)
    registry = reporter.registry
    return Done(
        ended=past.ended,
        done=past.done,
        total=past.total,
        events=int(registry.total(metrics.EVENTS)),
        known=int(registry.total(metrics.DUPLICATES)),
        parked=int(registry.total(metrics.PARKED)),
        skipped=int(registry.total(metrics.SKIPPED)),
        passed_over=past.passed_over,
    )


def _subscription(settings: Settings, job: Job) -> _Subscription:
    chosen = job.connector
    served = wiring.routes(settings)[chosen.name].routing.all_models
    revisions = " ".join(each.identity.model.revision for each in served)
    return _Subscription(
        chosen.name,
        chosen.exchange,
        chosen.bindings,
        prefetch=chosen.prefetch,
        output=chosen.output.exchange,
        queue=job.stream or job.queue or str(job.file),
        offset="" if job.queue else job.offset,
        ends=True,
        purpose=f"{revisions} {job.only}".strip(),
        keep=f"sentiment.relabel.{chosen.name}",
        file=job.file is not None,
    )
