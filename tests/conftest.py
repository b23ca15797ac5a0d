"""Real servers for the tests that want them.

A test that asks for `broker_url`, `own_broker_url` or `redis_url` gets the marker `broker` by
itself. Where a server is missing such tests are skipped, and say why; in CI they fail.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests import scheduling
from tests.rooms import empty_redis, own_redis, own_vhost, own_vhosts
from tests.servers import ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from daemon.model.tone_model import ToneModel

_REAL = {"broker_url", "new_vhost", "redis_url", "managed_node"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses real servers, before `-m` selects, and bring the long ones forward."""
    for item in items:
        if _REAL & set(getattr(item, "fixturenames", ())):
            item.add_marker("broker")
    scheduling.order(items)


def pytest_configure() -> None:
    """Search for cycles as seldom as our own processes do, and let no process remember a choice."""
    gc.set_threshold(20_000)
    # no worker recalls what another one measured, unless its test is about that
    os.environ["CACHE_DIRECTORY"] = os.devnull


def pytest_collection_finish() -> None:
    """Never search in what was collected: it stays."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> scheduling.ByGroup:
    return scheduling.scheduler(config, log)


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """RabbitMQ: a virtual host that this test run shares; name your queues apart."""
    try:
        with own_vhost() as url:
            yield url
    except ServerMissingError as error:
        _miss(error)


@pytest.fixture(scope="session")
def new_vhost() -> Iterator[Callable[[], str]]:
    """RabbitMQ: what returns the URL of another virtual host; all end with the test run."""
    try:
        with own_vhosts() as new:
            yield new
    except ServerMissingError as error:
        _miss(error)


@pytest.fixture
def own_broker_url(new_vhost: Callable[[], str]) -> str:
    """RabbitMQ: a virtual host for this test alone."""
    return new_vhost()


@pytest.fixture(scope="session")
def _redis_database() -> Iterator[str]:
    try:
        with own_redis() as url:
            yield url
    except ServerMissingError as error:
        _miss(error)


@pytest.fixture
def redis_url(_redis_database: str) -> Iterator[str]:
    """Redis: a database of this test run's own, emptied after each test."""
    yield _redis_database
    empty_redis(_redis_database)


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights that no test may change."""
    from tests import models  # noqa: PLC0415 - torch is slow to import

    return models.save(tmp_path_factory.mktemp("models") / models.NAME)


@pytest.fixture(scope="session")
def tone_model(model_directory: Path) -> ToneModel:
    """The same, loaded into this process: what the workers must answer."""
    from daemon.model.tone_model import ToneModel  # noqa: PLC0415 - as above
    from tests import models  # noqa: PLC0415 - as above

    return ToneModel.load(models.settings(model_directory))


def _miss(error: ServerMissingError) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))
