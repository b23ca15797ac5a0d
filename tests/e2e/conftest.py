from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import models
from tests.e2e.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stage(
    own_broker_url: str, redis_url: str, model_directory: Path, tmp_path: Path
) -> Iterator[Stage]:
    """An empty bus; start on it what the test is about."""
    config = tmp_path / "tonebus.toml"
    config.write_text(models.toml(model_directory), encoding="utf-8")
    env = {
        "TONEBUS_CONFIG": str(config),
        "TONEBUS_BROKER_URL": own_broker_url,
        "TONEBUS_REDIS_URL": redis_url,
        # a shared machine may be slow to answer, and then repeats would not be known
        "TONEBUS_REDIS_TIMEOUT": "2",
    }
    with Stage(env) as made:
        yield made
