"""`tonebus doctor`, against set-ups that are broken in one way each, and one that is not."""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from connectors.amqp import topology
from daemon.cli import tonebus
from daemon.process import wiring
from daemon.settings import load
from tests import models
from tests.brokers import patient_broker
from tests.processes import running

if TYPE_CHECKING:
    from pathlib import Path


def examine(**variables: str) -> dict[str, dict[str, Any]]:
    environment = {f"TONEBUS_{name.upper()}": value for name, value in variables.items()}
    result = CliRunner().invoke(tonebus, ["doctor", "--json"], env=environment)
    told = json.loads(result.output)
    assert result.exit_code == (1 if told["failure"] else 0)
    return {each["check"]: each for each in told["checks"]}


def test_a_wrong_password_and_a_missing_virtual_host_are_told_apart(broker_url: str) -> None:
    parts = urllib.parse.urlsplit(broker_url)
    wrong = parts._replace(netloc=f"guest:wr0ng@{parts.hostname}:{parts.port or 5672}").geturl()
    found = examine(broker_url=wrong)["broker"]
    assert found["state"] == "failure"
    assert "ACCESS_REFUSED" in found["detail"]
    assert "wr0ng" not in str(found)
    found = examine(broker_url=parts._replace(path="/nosuch").geturl())["broker"]
    assert "vhost nosuch not found" in found["detail"]
    assert "virtual host" in found["fix"]


def test_servers_that_do_not_answer_are_told() -> None:
    found = examine(broker_url="amqp://localhost:1//", redis_url="redis://localhost:1/0")
    assert "does not answer" in found["broker"]["detail"]
    assert found["redis"]["state"] == "failure"
    assert "every text is scored again" in found["redis"]["fix"]


def test_wrong_settings_are_told_before_anything_is_tried(tmp_path: Path) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text("[brokr]\n", encoding="utf-8")
    result = CliRunner().invoke(tonebus, ["doctor", str(file)])
    assert result.exit_code == 78
    assert "did you mean broker?" in result.output


def test_differences_a_full_parking_lot_and_absent_workers_are_told_with_their_fixes(
    own_broker_url: str, redis_url: str, tmp_path: Path, model_directory: Path
) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text(models.toml(model_directory), encoding="utf-8")
    variables = {"broker_url": own_broker_url, "redis_url": redis_url, "config": str(file)}
    found = examine(**variables)
    assert found["queue sentiment.parked"]["detail"] == "missing"
    assert found[f"model {models.NAME}"]["fix"] == "`tonebus topology apply`"
    broker = patient_broker(own_broker_url)
    broker.connect()
    channel = broker.channel()
    classic = {"x-queue-type": "classic"}
    channel.queue_declare(
        "sentiment.source.input", durable=True, auto_delete=False, arguments=classic
    )
    parts = wiring.topology(load({"TONEBUS_CONFIG": str(file)}))
    topology.apply(broker, *parts[:-1])
    channel.exchange_declare("sentiment.input", "topic", durable=True, auto_delete=False)
    found = examine(**variables)
    detail = found["queue sentiment.source.input"]["detail"]
    assert "x-queue-type is 'classic', not 'quorum'" in detail
    assert found[f"model {models.NAME}"]["detail"] == "no worker listens"
    assert "tonebus worker --model tiny" in found[f"model {models.NAME}"]["fix"]
    assert found["permissions"]["state"] == "ok"
    broker.close()


def test_all_is_well_where_all_is_well(
    own_broker_url: str, redis_url: str, tmp_path: Path, model_directory: Path
) -> None:
    file = tmp_path / "tonebus.toml"
    file.write_text(models.toml(model_directory), encoding="utf-8")
    variables = {"broker_url": own_broker_url, "redis_url": redis_url, "config": str(file)}
    environment = {f"TONEBUS_{name.upper()}": value for name, value in variables.items()}
    assert CliRunner().invoke(tonebus, ["topology", "apply"], env=environment).exit_code == 0
    with running("worker", env=environment):
        found = examine(**variables)
        failed = [each for each in found.values() if each["state"] == "failure"]
        assert not failed
        told = found[f"model {models.NAME}"]["detail"]
        assert "1 workers, revision" in told
        assert re.search(r"ms, in (fp32|bf16|int8) \(\S", told)
        # the settings change here, and the worker goes on with what it has loaded
        file.write_text(
            models.toml(model_directory).replace("threads = 1", 'long_text = "chunk"'), "utf-8"
        )
        found = examine(**variables)
        assert found[f"model {models.NAME}"]["state"] == "warning"
        assert "same model files" in found[f"model {models.NAME}"]["fix"]
