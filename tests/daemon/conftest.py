from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from daemon.model.language import detect

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of turns are taken here; what they log would bury a failure."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    # tests elsewhere look at what is logged
    structlog.configure(**before)


@pytest.fixture(autouse=True, scope="session")
def detector() -> None:
    """The first text has the detector read its tables, for longer than a turn maps."""
    detect("Now the tables are read.")
