"""What processes are made of, by their settings."""

from __future__ import annotations

import msgspec
import pytest

from connectors.errors import Misconfigured
from daemon.process import wiring
from daemon.settings import ConnectorSettings, DaemonSettings, Settings
from daemon.settings.sections import BrokerSettings

MB = 1024 * 1024


def test_without_connectors_a_worker_serves_the_models_that_callers_ask() -> None:
    settings = msgspec.structs.replace(Settings(), connectors=())
    assert wiring.routed_models(settings) == settings.usual_models == ("default", "multilingual")


def prefetch(connectors: int = 1, *, ceiling: int = 4096 * MB, given: int = 0) -> int:
    """The default prefetch of so many connectors, whose worst case is allowed."""
    settings = msgspec.structs.replace(
        Settings(),
        broker=BrokerSettings(prefetch=given),
        connectors=tuple(ConnectorSettings(name=f"c{n}") for n in range(connectors)),
        daemon=DaemonSettings(memory_ceiling=ceiling),
    )
    assert wiring.worst_case_bytes(settings) <= ceiling
    return wiring.prefetch(settings)


def test_a_connector_that_is_alone_holds_as_many_deliveries_as_memory_allows() -> None:
    assert prefetch() == 1000
    assert 500 < prefetch(ceiling=1100 * MB) < 1000
    assert prefetch(7) == prefetch(2) == 500
    assert prefetch(given=7) == 7


def test_where_memory_does_not_allow_the_least_prefetch_the_daemon_refuses_to_start() -> None:
    with pytest.raises(Misconfigured, match=r"lower broker\.prefetch"):
        prefetch(ceiling=512 * MB)
