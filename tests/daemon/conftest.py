from __future__ import annotations

import logging

import pytest
import structlog

from daemon.model.language import detect


@pytest.fixture(autouse=True, scope="session")
def quiet() -> None:
    """Thousands of turns are taken here; what they log would bury a failure."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture(autouse=True, scope="session")
def detector() -> None:
    """The first text has the detector read its tables, for longer than a turn maps."""
    detect("Now the tables are read.")
