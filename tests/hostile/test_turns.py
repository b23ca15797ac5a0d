"""A turn has an end, and a daemon a size, whatever was prefetched."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pika

from connectors.amqp.topology import PARKED, RESULTS
from connectors.mapping import Mapper, MappingConfig
from tests import models
from tests.hostile.conftest import own_room
from tests.messages import delivery
from tests.processes import running
from tests.proxy import proxied
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    from tests.hostile.conftest import Node
    from tests.processes import Process
    from tests.proxy import Proxy

HEARTBEAT = 2
BOMBS, BLANKS, LISTS = 240, 240, 20
"""Mail bombs, lists that ask for too much, and lists of as much as one may ask for."""
MAILS, TEXTS = 10, 400
CARRIED = "c" * 8000
OVERSIZE = 120
COSTLY, COSTS = 80, 0.2
_MB = 1_000_000
MOST_MB, MOST_COSTLY_MB = 120, 240
"""Over the memory of an idle daemon; 90 and 112 are usual."""
_MUCH = "length(much[?a])"
_CONNECTORS = f"""
[[connectors]]
name = "mails"
exchange = "mails"
model = "{models.NAME}"
each = "items"
text = "text"
carry = {{ form = "$.form" }}
strip = ["html", "quotes", "signature"]

[[connectors]]
name = "costly"
exchange = "costly"
model = "{models.NAME}"
carry = {{ much = "{_MUCH}" }}
"""


class Came(NamedTuple):
    """What came of the messages, by correlation id.

    Attributes:
        events: How many events of each, those under one id counted once.
        parked: Why each was parked; `dead` where RabbitMQ itself did it.
    """

    events: Counter[str]
    parked: dict[str, str]


class Scene(NamedTuple):
    """A daemon that has just started, behind a proxy, with all of its messages waiting for it.

    Attributes:
        idle: Memory that one without messages has resident, MB.
        most: Memory that this one may have resident, MB.
    """

    daemon: Process
    proxy: Proxy
    channel: Any
    idle: float
    most: float

    def outcomes(self, *, events: dict[str, int], parked: Collection[str]) -> Came:
        """Wait until each of these messages has so many events, and each of those is parked."""
        came = Came(Counter(), {})
        seen: set[str] = set()

        def on_event(_: object, __: object, properties: Any, ___: bytes) -> None:
            if properties.message_id not in seen:
                seen.add(properties.message_id)
                came.events[properties.correlation_id] += 1

        def on_parked(_: object, __: object, properties: Any, ___: bytes) -> None:
            code = (properties.headers or {}).get("tonebus-code", "dead")
            came.parked[properties.correlation_id] = code

        self.channel.basic_consume("seen", on_event, auto_ack=True)
        self.channel.basic_consume(PARKED, on_parked, auto_ack=True)

        def all_came() -> bool:
            # at once: it might take the memory of the whole machine
            assert peak(self.daemon) < self.most
            return came.parked.keys() >= set(parked) and all(
                came.events[key] >= count for key, count in events.items()
            )

        until(all_came, lambda: self.channel.connection.process_data_events(0.1), timeout=240)
        return came


def peak(daemon: Process) -> float:
    """The most memory that a daemon had resident so far, MB."""
    status = Path(f"/proc/{daemon.pid}/status").read_text(encoding="ascii")
    [line] = [each for each in status.splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1024 / _MB


@contextmanager
def started(
    env: dict[str, str], config: Path, tmp_path: Path, messages: list[tuple[str, str, bytes]],
    most: float = MOST_MB, **more: str,
) -> Iterator[Scene]:  # fmt: skip
    """Start a daemon on messages that wait for it, each its exchange, its key and its body."""
    path = tmp_path / "tonebus.toml"
    path.write_text(config.read_text(encoding="utf-8") + _CONNECTORS, encoding="utf-8")
    env = env | {"TONEBUS_CONFIG": str(path), "TONEBUS_BROKER_HEARTBEAT": str(HEARTBEAT)} | more
    url = env["TONEBUS_BROKER_URL"]
    with running("daemon", env=env, forked=False) as first:  # it declares everything
        idle = peak(first)
        assert first.stop() == 0
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 0
    with (
        pika.BlockingConnection(parameters) as connection,
        proxied(url) as (proxy, by_proxy),
        running("worker", env=env),
    ):
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("seen", durable=True)
        channel.queue_bind("seen", RESULTS, "#")
        for exchange, key, body in messages:
            properties = pika.BasicProperties(correlation_id=key, delivery_mode=2)
            channel.basic_publish(exchange, "a.key", body, properties, mandatory=True)
        by = {"TONEBUS_BROKER_URL": by_proxy}
        with running("daemon", env=env | by, forked=False) as daemon:
            yield Scene(daemon, proxy, channel, idle, idle + most)


def assert_was_never_away(scene: Scene) -> None:
    """One connection from first to last, and a size under the ones that we and the daemon said."""
    ceiling = scene.daemon.events("daemon_ready")[0]["worst_case_mb"]
    most = peak(scene.daemon)
    print(
        f"longest silence {scene.proxy.longest_silence:.2f} s with a heartbeat of {HEARTBEAT} s; "
        f"peak RSS {most:.0f} MB, idle {scene.idle:.0f} MB, ceiling {ceiling} MB"
    )
    assert scene.proxy.connections == 1
    assert not scene.daemon.events("disconnected")
    assert not scene.daemon.events("consumer_ended")
    assert most < min(scene.most, ceiling)


def form(items: list[str], form: str = "f-1") -> bytes:
    return json.dumps({"form": form, "items": [{"text": each} for each in items]}).encode()


def elements() -> int:
    """How many elements make the mapping of one message take `COSTS` seconds on this machine."""
    mapper = Mapper(
        MappingConfig(carry={"much": _MUCH}),
        max_body_bytes=_MB,
        max_text_chars=100,
        max_steps=10**8,
    )
    many = 20_000
    message = delivery(b'{"text": "good", "much": [%s]}' % b",".join([b"{}"] * many))
    begun = time.process_time()
    mapper.read(message)
    return int(many * COSTS / (time.process_time() - begun))


def test_500_hostile_messages_are_worked_off_in_bounded_turns_and_bounded_memory(
    node: Node, config: Path, tmp_path: Path
) -> None:
    quotes = "> a\n" * 5000
    bombs = {f"bomb-{n}": form([f"{n} {place}\n{quotes}" for place in range(MAILS)])
             for n in range(BOMBS)}  # fmt: skip
    blanks = {f"blank-{n}": form([" "] * 1000, CARRIED) for n in range(BLANKS)}
    lists = {f"list-{n}": form([f"good {n} {place % 9}" for place in range(TEXTS)], CARRIED)
             for n in range(LISTS)}  # fmt: skip
    # in turn, so that every turn has some of each
    mixed = sorted({**bombs, **blanks, **lists}.items(), key=lambda each: each[0][::-1])
    messages = [("mails", key, body) for key, body in mixed]
    room = own_room(node, config)
    with started(room, config, tmp_path, messages) as scene:
        came = scene.outcomes(events=dict.fromkeys(lists, TEXTS), parked=[*bombs, *blanks])
        assert {came.parked[key] for key in bombs} == {"too-costly"}
        assert {came.parked[key] for key in blanks} == {"too-large"}
        assert {came.events[key] for key in blanks} == {0}
        assert {came.events[key] for key in lists} == {TEXTS}
        assert not came.parked.keys() & lists.keys()
        assert_was_never_away(scene)


def test_bodies_over_their_bound_are_not_held(node: Node, config: Path, tmp_path: Path) -> None:
    bound, body = 16 * 1024, form(["x" * _MB])
    messages = [("mails", f"over-{n}", body) for n in range(OVERSIZE)]
    room = own_room(node, config)
    with started(
        room, config, tmp_path, messages, TONEBUS_DAEMON_MAX_BODY_BYTES=str(bound),
        TONEBUS_DAEMON_MAX_MAPPED_BYTES=str(_MB),
    ) as scene:  # fmt: skip
        came = scene.outcomes(events={}, parked=[key for _, key, _ in messages])
        assert set(came.parked.values()) <= {"too-large", "dead"}
        assert not came.events
        assert_was_never_away(scene)
        assert peak(scene.daemon) - scene.idle < OVERSIZE / 2, "half of them were held"


def test_mapping_that_takes_long_costs_no_delivery(
    node: Node, config: Path, tmp_path: Path
) -> None:
    much = ",".join(["{}"] * elements()).encode()
    bodies = [b'{"id": %d, "text": "good %d", "much": [%s]}' % (n, n, much) for n in range(COSTLY)]
    messages = [("costly", f"costly-{n}", body) for n, body in enumerate(bodies)]
    room = own_room(node, config)
    with started(
        room, config, tmp_path, messages, MOST_COSTLY_MB,
        TONEBUS_DAEMON_MAX_MAPPING_STEPS="100000000",
    ) as scene:  # fmt: skip
        begun = time.monotonic()
        came = scene.outcomes(events={key: 1 for _, key, _ in messages}, parked=())
        assert time.monotonic() - begun > 2 * HEARTBEAT, "the messages were not costly enough"
        assert not came.parked
        assert set(came.events.values()) == {1}
        assert_was_never_away(scene)
