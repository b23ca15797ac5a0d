"""Texts that kill, hang or confuse a worker: parked once, neighbours scored, workers back."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from connectors.amqp import topology
from connectors.scoring.protocol import Scored
from tests import models
from tests.chaos import wicked_worker
from tests.chaos.supervisor import Supervised
from tests.hostile.bus import Bus
from tests.hostile.conftest import own_room
from tests.waiting import until
from tests.workers import Asker, pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hostile.conftest import Node

_NEIGHBOURS = 15
_PATIENCE = 240
_MEMORY = Path("/sys/fs/cgroup/memory")
_LIMIT = 1024**3
_NOTICED_SECONDS = 2.0
_ENDS = 3
"""Of worker processes by one text, until it is given up."""
_WORKERS = 2


class Bench(NamedTuple):
    """A daemon and two wicked workers, supervised."""

    daemon: Supervised
    workers: list[Supervised]
    bus: Bus

    def publish(self, texts: list[str]) -> list[str]:
        """Publish so that the daemon finds them all at once, and batches them."""
        self.daemon.signal(signal.SIGSTOP)
        keys = [self.bus.say(text, id=f"{text} {time.monotonic()}") for text in texts]
        self.daemon.signal(signal.SIGCONT)
        return keys


@pytest.fixture(scope="module")
def groups() -> Iterator[list[str]]:
    """A memory-capped control group for each worker; empty names where none may be made.

    In one group for both, the kernel would end the other worker too, while it loads its model
    beside one that has taken all of the memory.
    """
    made: list[Path] = []
    try:
        for number in range(_WORKERS):
            own = _MEMORY / f"tonebus-test-{os.getpid()}-{number}"
            own.mkdir()
            made.append(own)
            (own / "memory.limit_in_bytes").write_text(str(_LIMIT), encoding="utf-8")
        yield list(map(str, made))
    except OSError:
        yield [""] * _WORKERS
    for own in made:
        with contextlib.suppress(OSError):
            own.rmdir()


@pytest.fixture(scope="module")
def bench(
    node: Node, config: Path, groups: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("wicked")
    room = own_room(node, config)
    with ExitStack() as stack:
        env = room | {"TONEBUS_DAEMON_SCORE_TIMEOUT": "3"}

        def process(name: str, module: str, *arguments: str, **more: str) -> Supervised:
            made = Supervised(name, [module, *arguments], env | more, directory)
            stack.callback(made.close)
            return made

        daemon = process("daemon", "daemon.cli", "daemon")
        workers = [
            process(
                f"worker-{number}", "tests.chaos.wicked_worker", WICKED_CGROUP=group,
                WICKED_DAWDLE_SECONDS=dawdle,
            )
            for number, (group, dawdle) in enumerate(zip(groups, ("20", "0"), strict=True), 1)
        ]  # fmt: skip
        for each, event in ((daemon, "daemon_ready"), *((w, "worker_ready") for w in workers)):
            each.wait_for(event)
        bus = Bus(room["TONEBUS_BROKER_URL"])
        stack.callback(bus.close)
        yield Bench(daemon, workers, bus)


@pytest.mark.parametrize(
    ("text", "fatal"),
    [
        (wicked_worker.EXIT, True),
        (wicked_worker.ALLOCATE, True),
        (wicked_worker.HANG, True),
        (wicked_worker.RAISE, False),
        (wicked_worker.NOT_FINITE, False),
    ],
)
def test_a_text_that_ruins_its_worker_is_parked_once_and_its_neighbours_scored(
    bench: Bench, groups: list[str], text: str, fatal: bool
) -> None:
    if text == wicked_worker.ALLOCATE and not all(groups):
        pytest.skip("no memory-capped control group can be made here")
    starts = sum(worker.starts for worker in bench.workers)
    good = [f"good number {n} beside {text[7:12]}" for n in range(_NEIGHBOURS)]
    guilty, *keys = bench.publish([text, *good])
    headers, _ = bench.bus.parked(guilty, timeout=_PATIENCE)
    for key in keys:
        assert bench.bus.event(key, timeout=_PATIENCE)["data"]["tone"] != "none"
    assert headers["tonebus-code"] == "poison"
    assert text not in str(headers)
    assert headers["tonebus-detail"].startswith(("worker-lost", "timeout")) == fatal

    def ends() -> int:
        return sum(worker.starts for worker in bench.workers) - starts

    # a text that timed out is parked before the last worker that it ruined has ended
    wanted = _ENDS if fatal else 0
    until(lambda: ends() >= wanted, timeout=_PATIENCE)
    bench.bus.await_consumers(topology.scoring_queue(models.NAME).name, len(bench.workers))
    assert ends() == wanted
    assert len(bench.bus.outcome(guilty).parked) == 1


@pytest.mark.parametrize("held", [0.05, 0.4, 1.0])
def test_a_killed_workers_batch_goes_on_within_two_seconds(bench: Bench, held: float) -> None:
    first = bench.workers[0]
    # one that the test before ended may not be back yet, or not be counted yet
    bench.bus.await_consumers(topology.scoring_queue(models.NAME).name, len(bench.workers))
    until(lambda: bench.daemon.events("workers_counted")[-1]["workers"] == len(bench.workers))
    before = len(first.events("dawdling"))
    # other texts each time, for scores are kept
    texts = [f"{wicked_worker.DAWDLE} number {n} for {held} s" for n in range(32)]
    keys = dict(zip(texts, bench.publish(texts), strict=True))
    batch = first.wait_for("dawdling", count=before + 1)["texts"]
    # the other worker's share comes in meanwhile, so that it keeps nobody waiting
    assert bench.bus.open_after([keys[text] for text in batch], held)
    first.signal(signal.SIGKILL)
    killed = time.monotonic()
    bench.bus.any_of([keys[text] for text in batch], timeout=_PATIENCE)
    seconds = time.monotonic() - killed
    print(f"from SIGKILL to the first event of a batch of {len(batch)}: {seconds:.2f} s")
    for key in keys.values():
        bench.bus.event(key, timeout=_PATIENCE)
    assert seconds < _NOTICED_SECONDS


def test_workers_outlive_a_restart_of_rabbitmq_during_a_forward(
    node: Node, room: dict[str, str], model_directory: Path, tmp_path: Path
) -> None:
    url = room["TONEBUS_BROKER_URL"]
    with pair(url, model_directory, tmp_path) as two:
        two.asker.started(two.asker.ask(wicked_worker.DAWDLE))
        node.broker.ctl("stop_app")
        node.broker.ctl("start_app")
        asker = Asker(url)
        until(lambda: asker.consumers == 2, asker.turn, timeout=_PATIENCE)
        for _ in range(4):
            asker.await_answer(asker.ask("fine"), Scored)
        asker.broker.close()
        assert [worker.starts for worker in two.workers] == [1, 1]
