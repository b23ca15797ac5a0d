"""A broker that denies all that may be denied, in a virtual host of quorum queues: all works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.amqp.features import features
from daemon.cli import tonebus
from tests import models
from tests.chaos.servers import servers_or_skip
from tests.e2e.stage import Stage
from tests.own.rabbitmq import OwnRabbit
from tests.servers import check_broker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def strict(broker_url: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a virtual host on such a broker."""
    expected = features(check_broker(broker_url))
    denied = (f"deprecated_features.permit.{each} = false\n" for each in expected.deniable)
    kind = ("--default-queue-type", "quorum") if expected.default_queue_type else ()
    with servers_or_skip():
        node = OwnRabbit(tmp_path / "rabbitmq", config="".join(denied))
        try:
            node.start()
            node.ctl("add_vhost", "strict", *kind)
            node.ctl("set_permissions", "--vhost", "strict", "guest", ".*", ".*", ".*")
            yield node.url.replace("%2F", "strict")
        finally:
            node.close()


def test_every_process_works_on_a_broker_that_denies_what_may_be_denied(
    strict: str, redis_url: str, model_directory: Path, tmp_path: Path
) -> None:
    config = tmp_path / "tonebus.toml"
    config.write_text(models.toml(model_directory), encoding="utf-8")
    env: dict[str, Any] = {
        "TONEBUS_CONFIG": str(config),
        "TONEBUS_BROKER_URL": strict,
        "TONEBUS_REDIS_URL": redis_url,
        "TONEBUS_REDIS_TIMEOUT": "2",
    }
    with Stage(env) as stage:
        stage.start("daemon")
        stage.watch()
        stage.start("worker")
        stage.publish([("1", "it was good")])
        stage.collect(1)
        ran = CliRunner().invoke(tonebus, ["doctor", "--json"], env=env)
        assert ran.exit_code == 0, ran.output
        assert CliRunner().invoke(tonebus, ["parked", "list"], env=env).exit_code == 0
