"""What processes are made of, by their settings."""

from __future__ import annotations

import msgspec

from daemon.process import wiring
from daemon.settings import Settings


def test_without_connectors_a_worker_serves_the_models_that_callers_ask() -> None:
    settings = msgspec.structs.replace(Settings(), connectors=())
    assert wiring.routed_models(settings) == settings.usual_models == ("default", "multilingual")
