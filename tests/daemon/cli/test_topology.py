"""`tonebus topology`, against a real RabbitMQ: drift is named, and others may do the declaring."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.amqp import topology
from connectors.errors import Misconfigured
from connectors.events.output import OutputConfig
from daemon.cli import tonebus
from daemon.process import wiring
from daemon.settings import BrokerSettings, ConnectorSettings, Settings
from tests.brokers import patient_broker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

FILE = """
[[connectors]]
name = "helpdesk"
exchange = "helpdesk.events"
bindings = ["ticket.*", "chat.#"]

[[connectors]]
name = "shop"
exchange = "shop.events"
passive = true
output = { exchange = "shop.tones" }
"""
SOURCE = "sentiment.source.helpdesk"


class Bench:
    def __init__(self, url: str, file: Path) -> None:
        self.url = url
        self._file = file
        self.broker = patient_broker(url)
        self.broker.connect()

    def run(self, *arguments: str) -> Result:
        environment = {"TONEBUS_BROKER_URL": self.url, "TONEBUS_CONFIG": str(self._file)}
        return CliRunner().invoke(tonebus, ["topology", *arguments], env=environment)

    def things(self) -> dict[str, dict[str, Any]]:
        found = json.loads(self.run("plan", "--json").output)["things"]
        return {f"{each['kind']} {each['name']}": each for each in found}


@pytest.fixture
def bench(own_broker_url: str, tmp_path: Path) -> Iterator[Bench]:
    file = tmp_path / "tonebus.toml"
    file.write_text(FILE, encoding="utf-8")
    bench = Bench(own_broker_url, file)
    yield bench
    bench.broker.close()


def test_plan_apply_and_verify_agree(bench: Bench) -> None:
    assert {each["state"] for each in bench.things().values()} == {"missing"}
    assert bench.run("verify").exit_code == 1
    # the shop's exchange is its owner's to declare
    refused = bench.run("apply").exception
    assert isinstance(refused, Misconfigured)
    assert "exchange 'shop.events' does not exist, and passive = true" in str(refused)
    channel = bench.broker.channel()
    channel.exchange_declare("shop.events", "fanout", durable=True, auto_delete=False)
    assert bench.run("apply").exit_code == 0
    states = {name: each["state"] for name, each in bench.things().items()}
    assert states.pop("exchange shop.events") == "foreign"
    assert set(states.values()) == {"present"}
    assert {"queue sentiment.parked", f"queue {SOURCE}", "exchange shop.tones"} <= states.keys()
    assert bench.run("verify").exit_code == 0


def test_a_scoring_queue_of_an_older_tonebus_which_named_no_type_stays(bench: Bench) -> None:
    channel = bench.broker.channel()
    channel.exchange_declare("shop.events", "topic", durable=True, auto_delete=False)
    channel.queue_declare(
        "sentiment.score.default", durable=True, auto_delete=False, arguments={"x-max-priority": 1}
    )
    assert bench.things()["queue sentiment.score.default"]["state"] == "present"
    assert bench.run("apply").exit_code == 0
    assert bench.run("verify").exit_code == 0


def test_every_difference_of_another_queue_is_named_with_the_way_out(
    bench: Bench,
) -> None:
    channel = bench.broker.channel()
    channel.queue_declare(
        SOURCE, durable=True, auto_delete=False,
        arguments={"x-queue-type": "quorum", "x-delivery-limit": 20, "x-max-length": 7},
    )  # fmt: skip
    channel.exchange_declare("helpdesk.events", "direct", durable=True, auto_delete=False)
    found = bench.things()
    differences = {
        each["name"]: (each["wanted"], each["found"])
        for each in found[f"queue {SOURCE}"]["differences"]
    }
    assert differences["x-delivery-limit"] == (50, 20)
    assert differences["x-dead-letter-exchange"] == ("sentiment.parked", None)
    assert differences["x-max-length"] == (None, 7)
    assert "delete_queue --if-empty" in found[f"queue {SOURCE}"]["fix"]
    [kind] = found["exchange helpdesk.events"]["differences"]
    assert (kind["name"], kind["wanted"], kind["found"]) == ("type", "topic", "direct")
    said = bench.run("plan").output
    assert "x-delivery-limit: wanted 50, found 20" in said
    assert "passive = true" in said
    # to look at it has changed nothing
    assert bench.things() == found


def test_what_is_exported_is_what_is_declared(bench: Bench) -> None:
    told = json.loads(bench.run("export").output)
    [source] = [each for each in told["queues"] if each["name"] == SOURCE]
    assert source["arguments"]["x-delivery-limit"] == topology.DELIVERY_LIMIT
    assert {each["name"] for each in told["exchanges"]} >= {"helpdesk.events", "shop.tones"}
    assert "shop.events" not in {each["name"] for each in told["exchanges"]}
    bound = {(each["source"], each["routing_key"]) for each in told["bindings"]}
    assert {("helpdesk.events", "ticket.*"), ("shop.events", "#")} <= bound
    lines = bench.run("export", "--format", "rabbitmqadmin").output
    assert f"declare queue name={SOURCE} durable=true" in lines


def test_where_the_daemon_may_declare_nothing_it_names_all_that_is_missing(bench: Bench) -> None:
    settings = Settings(
        broker=BrokerSettings(url=bench.url, manage_topology=False),
        connectors=(ConnectorSettings(output=OutputConfig(exchange="tones")),),
    )
    edges = wiring.rabbit(settings, "test", wiring.subscriptions(settings))
    with pytest.raises(Misconfigured) as missing:
        edges.open()
    edges.drop()
    for name in ("sentiment.input", "tones", "sentiment.source.input", "sentiment.score.default"):
        assert name in str(missing.value)
    assert "`tonebus topology export`" in str(missing.value)
    topology.apply(bench.broker, *wiring.topology(settings))
    edges.open()
    edges.close()
