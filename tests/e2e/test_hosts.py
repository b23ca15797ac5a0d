"""A daemon and a worker on each of two hosts; one is cut off, and comes back."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests import models
from tests.hosts import Host, hosts, missing
from tests.processes import Process, running
from tests.traffic import Traffic
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEARTBEAT = 3


@pytest.fixture
def two(
    tmp_path: Path, model_directory: Path, own_broker_url: str, redis_url: str
) -> Iterator[list[tuple[Host, Process, Process]]]:
    """Each host with its daemon and its worker."""
    if why := missing():
        pytest.skip(why)
    file = tmp_path / "tonebus.toml"
    file.write_text(models.toml(model_directory), encoding="utf-8")
    with ExitStack() as stack:
        found = []
        for host in stack.enter_context(hosts(2)):
            env = {
                "TONEBUS_CONFIG": str(file),
                "TONEBUS_BROKER_URL": stack.enter_context(host.reaching(own_broker_url)),
                "TONEBUS_REDIS_URL": stack.enter_context(host.reaching(redis_url)),
                "TONEBUS_BROKER_HEARTBEAT": str(HEARTBEAT),
                "TONEBUS_BROKER_PREFETCH": "50",
                "TONEBUS_DAEMON_SCORE_TIMEOUT": "5",
            }
            pair = [
                stack.enter_context(running(command, env=env, ready="", within=host.within))
                for command in ("daemon", "worker")
            ]
            found.append((host, pair[0], pair[1]))
        for _, daemon, worker in found:
            daemon.wait_for("daemon_ready", timeout=120)
            worker.wait_for("worker_ready", timeout=120)
        yield found


def test_a_host_that_is_cut_off_loses_nothing_and_shares_again_when_it_is_back(
    two: list[tuple[Host, Process, Process]], own_broker_url: str
) -> None:
    (host, daemon, _), (_, other, _) = two
    with Traffic(own_broker_url) as traffic:
        traffic.await_outcomes(traffic.publish(50))

        ids = traffic.publish(150)
        host.pull()
        begun = time.monotonic()
        ids += traffic.publish(150)
        traffic.await_outcomes(ids)
        stalled = time.monotonic() - begun
        # RabbitMQ gives up who was silent for two heartbeats, and then gives all to the other
        assert stalled < 30, "longer than heartbeats and one deadline explain"
        assert not other.events("disconnected")

        host.plug()
        daemon.wait_for("reconnected")
        before = len(traffic.outcomes)
        until(lambda: _both_have_workers(traffic, two), timeout=60)
        assert len(traffic.outcomes) > before


def _both_have_workers(traffic: Traffic, two: list[tuple[Host, Process, Process]]) -> bool:
    """Whether each daemon counts both workers; some traffic keeps them counting."""
    traffic.await_outcomes(traffic.publish(20))
    counts = [daemon.events("workers_counted") for _, daemon, _ in two]
    return all(found and found[-1]["workers"] == 2 for found in counts)
