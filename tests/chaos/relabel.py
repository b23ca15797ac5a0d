"""`python -m tests.chaos.relabel`: a long stream under a new model, killed in the middle.

A stream is labelled by one revision, then by another, each time by a `tonebus relabel` that is
killed with SIGKILL while it works, and run again. Meanwhile a daemon labels live messages by the
second one. In the end every event must be there, once by its id, with the label of the second.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import amqp
import msgspec
import pika

from tests import models
from tests.processes import Process, running
from tests.rooms import own_redis, own_vhost
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

STREAM = "crm.past"
INPUT = "sentiment.input"
_CONFIG = """
[[connectors]]
name = "crm"
exchange = "crm.events"
model = "{name}"

[[connectors]]
name = "input"
model = "{name}"
"""
_LONGEST = 3600


class Label(msgspec.Struct):
    """What became of one message."""

    id: str
    revision: str


class Consumer(threading.Thread):
    """Keeps what every event says, by its message, as a consumer that upserts does.

    Attributes:
        labels: By the message's id: the last event's id and revision.
        copies: How often an event came, by id and revision.
        waits: Seconds from publishing to the event, of live messages.
    """

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self.labels: dict[str, Label] = {}
        self.copies: Counter[tuple[str, str]] = Counter()
        self.waits: dict[str, float] = {}
        self.sent: dict[str, float] = {}
        self.bound = threading.Event()

    def run(self) -> None:
        """Consume until the process ends."""
        connection = pika.BlockingConnection(pika.URLParameters(self._url))
        channel = connection.channel()
        channel.exchange_declare(
            "sentiment.results", "topic", durable=True,
            arguments={"alternate-exchange": "sentiment.unrouted"},
        )  # fmt: skip
        channel.queue_declare("seen", durable=True)
        channel.queue_bind("seen", "sentiment.results", "#")
        channel.basic_consume("seen", lambda *message: self._take(message[-1]), auto_ack=True)
        self.bound.set()
        channel.start_consuming()

    def _take(self, body: bytes) -> None:
        event = json.loads(body)
        label = Label(event["id"], event["data"]["model"]["revision"])
        self.labels[event["subject"]] = label
        self.copies[label.id, label.revision] += 1
        if begun := self.sent.get(event["subject"]):
            self.waits[event["subject"]] = time.monotonic() - begun

    def under(self, revision: str) -> int:
        """Messages whose last event is of a revision."""
        return sum(each.revision == revision for each in list(self.labels.values()))


class Live(threading.Thread):
    """Publishes live messages at a steady rate.

    Attributes:
        phase: Part of the ids of what is published now.
    """

    def __init__(self, url: str, consumer: Consumer, rate: float) -> None:
        super().__init__(daemon=True)
        self._url, self._consumer, self._rate = url, consumer, rate
        self.phase = "alone"

    def run(self) -> None:
        """Publish until the process ends."""
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            due = time.monotonic()
            for n in range(sys.maxsize):
                name = f"live {self.phase} {n}"
                body = json.dumps({"id": name, "text": f"live number {n} is late"})
                self._consumer.sent[name] = time.monotonic()
                channel.basic_publish(INPUT, "a.key", body)
                due += 1 / self._rate
                connection.sleep(max(0.0, due - time.monotonic()))


def write(url: str, count: int) -> None:
    """Write a stream of so many messages, each with an id and a text of its own."""
    parts = pika.URLParameters(url)
    connection = amqp.Connection(f"{parts.host}:{parts.port}", virtual_host=parts.virtual_host)
    connection.connect()
    channel = connection.channel()
    channel.queue_declare(
        STREAM, durable=True, auto_delete=False, arguments={"x-queue-type": "stream"}
    )
    channel.confirm_select()
    waiting: set[int] = set()

    def confirmed(tag: int, multiple: bool) -> None:
        waiting.difference_update([each for each in waiting if each <= tag] if multiple else [tag])

    channel.events["basic_ack"].add(confirmed)
    for n in range(count):
        body = json.dumps({"id": f"m-{n}", "text": f"comment number {n} was good"})
        waiting.add(n + 1)
        channel.basic_publish(amqp.Message(body), "", STREAM)
        while len(waiting) > 1000:
            connection.drain_events()
    while waiting:
        connection.drain_events()
    connection.close()


def finish(env: Mapping[str, str], consumer: Consumer, revision: str, count: int) -> dict[str, Any]:
    """Kill a relabel when half is done, run it again; return what the second says, and seconds."""
    command = ["--connector", "crm", "--stream", STREAM, "--json"]
    begun = time.monotonic()
    with running("relabel", *command, env=env, ready="") as process:
        until(lambda: _past(consumer, revision) > count // 2, _alive(process), timeout=_LONGEST)
        process.kill()
    killed_at = _past(consumer, revision)
    with running("relabel", *command, env=env, ready="") as process:
        assert process.popen.wait(_LONGEST) == 0, process.log.read_text(encoding="utf-8")
        last = process.log.read_text(encoding="utf-8").strip().splitlines()[-1]
    said: dict[str, Any] = json.loads(last)
    until(lambda: _past(consumer, revision) >= count, timeout=60)
    return {**said, "killed_at": killed_at, "seconds": round(time.monotonic() - begun, 1)}


def _alive(process: Process) -> Any:
    def turn() -> None:
        assert process.popen.poll() is None, process.log.read_text(encoding="utf-8")
        time.sleep(0.05)

    return turn


def _past(consumer: Consumer, revision: str) -> int:
    return sum(
        each.revision == revision
        for name, each in list(consumer.labels.items())
        if name.startswith("m-")
    )


def waits(consumer: Consumer, phase: str) -> str:
    """Say how long live messages of a phase waited for their events."""
    found = sorted(
        wait for name, wait in list(consumer.waits.items()) if name.startswith(f"live {phase} ")
    )
    lost = sum(name.startswith(f"live {phase} ") for name in list(consumer.sent)) - len(found)
    if len(found) < 2:
        return "none"
    tails = statistics.quantiles(found, n=100)
    return f"{len(found)} messages, median {tails[49]:.3f} s, p99 {tails[98]:.3f} s, without {lost}"


def prove(url: str, redis_url: str, where: Path, *, count: int, rate: float) -> bool:
    """Do it all, print what was measured, and return whether every promise held."""
    configs = {}
    for name, seed in (("one", 7), ("two", 11)):
        configs[name] = where / f"{name}.toml"
        table = models.table(models.NAME, models.save(where / name, seed=seed))
        configs[name].write_text(_CONFIG.format(name=models.NAME) + table, encoding="utf-8")
    env = {
        "TONEBUS_BROKER_URL": url, "TONEBUS_REDIS_URL": redis_url, "TONEBUS_REDIS_TIMEOUT": "2",
        "TONEBUS_REDIS_DEPLOYMENT": "relabel",
    }  # fmt: skip
    consumer = Consumer(url)
    consumer.start()
    consumer.bound.wait()
    write(url, count)
    print(f"{count} messages are in the stream", flush=True)
    events: dict[str, set[str]] = {}
    revisions = {}
    with ExitStack() as stack:
        for name in ("one", "two"):
            own = env | {"TONEBUS_CONFIG": str(configs[name])}
            worker = stack.enter_context(running("worker", env=own))
            revisions[name] = worker.events("worker_ready")[0]["revision"]
            live = None
            if name == "two":
                stack.enter_context(running("daemon", env=own))
                live = Live(url, consumer, rate)
                live.start()
                time.sleep(20)
                live.phase = "beside"
            said = finish(own, consumer, revisions[name], count)
            print(f"revision {name}: {json.dumps(said)}", flush=True)
            if live:
                live.phase = "after"
                time.sleep(5)
            events[name] = {
                each.id for key, each in list(consumer.labels.items()) if key[:2] == "m-"
            }
            worker.stop()
    for phase in ("alone", "beside"):
        print(f"live, {phase}: {waits(consumer, phase)}")
    ids = events["one"]
    twice = {
        name: sum(
            n - 1 for (each, of), n in consumer.copies.items() if of == revision and each in ids
        )
        for name, revision in revisions.items()
    }
    print(f"ids: {len(ids)} under one, the same under two: {ids == events['two']}")
    print(f"labelled by two in the end: {_past(consumer, revisions['two'])}; came twice: {twice}")
    return (
        len(ids) == count
        and ids == events["two"] == ids
        and (_past(consumer, revisions["two"]) == count)
    )


def main() -> int:
    """Return 0 where every event was there once by its id."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.relabel", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rate", type=float, default=20.0, help="live messages a second")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with (
        own_vhost() as url, own_redis() as redis_url,
        tempfile.TemporaryDirectory(prefix="tonebus-relabel-") as directory,
    ):  # fmt: skip
        sound = prove(url, redis_url, Path(directory), count=options.messages, rate=options.rate)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
