"""The contract holds: judged by the official parsers, and by real events."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from click.testing import CliRunner
from cloudevents.core.bindings import rabbitmq

from connectors.events.output import OutputConfig
from connectors.mapping import MappingConfig
from daemon.cli import tonebus
from daemon.contract.asyncapi import asyncapi
from daemon.contract.json_schema import DIALECT, event_schema, input_schema
from daemon.model.tone_model import ToneModel
from daemon.settings import ConnectorSettings, load
from daemon.telemetry import metrics
from tests import models
from tests.daemon.model import tiny
from tests.daemon.rooms import SEEN, Room
from tests.nodes import NODE, node_with_packages
from tests.processes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.embedded.broker import Message

EXAMPLES = ROOT / "docs" / "connectors" / "tonebus.toml"
TRACE = f"00-{'1' * 32}-{'2' * 16}-01"


def published(directory: Path, model: ToneModel, **connector: Any) -> list[Message]:
    """Real events: known, unknown, blank, cut, and of a message without an id."""
    room = Room(directory, model, ConnectorSettings(**connector), max_text_chars=50)
    headers = {"traceparent": TRACE}
    room.tell("good", id="m-1", lang="en", extra={"a": [1, None]})
    room.send(b'{"text": "good"}', application_headers=headers, correlation_id="c-1")
    room.send(json.dumps({"text": "  ", "id": 7}))
    room.send(json.dumps({"text": "bad " * 100, "id": 8}))
    room.settle()
    return room.broker.take(SEEN, 100)


FULL: dict[str, Any] = {
    "language": "lang",
    "carry": {"extra": "extra"},
    "output": OutputConfig(include_text=True),
}


@pytest.mark.parametrize("connector", [{}, FULL], ids=["default", "full"])
def test_real_events_are_valid_by_the_schema(
    model_directory: Path, tone_model: ToneModel, connector: dict[str, Any]
) -> None:
    schema = event_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    events = published(model_directory, tone_model, **connector)
    assert len(events) == 4
    for event in events:
        validator.validate(json.loads(event.body))
    # and the schema does refuse something
    assert not validator.is_valid(json.loads(events[0].body) | {"type": "x"})


def test_a_models_own_labels_are_in_events_keys_metrics_and_the_contract(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "moods", ("joy", "very angry"))
    room = Room(where, ToneModel.load(tiny.settings(where, labels="model")))
    for text in ("good", "bad", "late refund", "thanks"):
        room.tell(text)
    room.settle()
    events = room.broker.take(SEEN, 100)
    told = [json.loads(event.body)["data"] for event in events]
    assert all([*each["scores"]] == ["joy", "very angry"] for each in told)
    assert {event.routing_key for event in events} == {
        f"input.{each['tone'].replace(' ', '_')}" for each in told
    }
    counted = room.service._reporter.registry.by(metrics.EVENTS, "tone")
    assert counted == Counter(each["tone"] for each in told)
    config = tmp_path / "tonebus.toml"
    config.write_text(
        models.toml(where).replace("threads = 1", 'labels = "model"') + "unsure_below = 0.6\n",
        encoding="utf-8",
    )
    contract = asyncapi(load({"TONEBUS_CONFIG": str(config)}))
    said = contract["operations"]["input.label"]["description"]
    assert said.endswith("Tones: joy, very angry (very_angry in the routing key), none, unsure")


def test_the_labels_of_further_models_are_in_the_contract(tmp_path: Path) -> None:
    where = tiny.bert(tmp_path / "moods", ("joy", "very angry"))
    config = tmp_path / "tonebus.toml"
    config.write_text(
        f'{models.table("moods", where)}labels = "model"\n[[models]]\n'
        '[[connectors]]\nalso = ["moods"]\n',
        encoding="utf-8",
    )
    contract = asyncapi(load({"TONEBUS_CONFIG": str(config)}))
    said = contract["operations"]["input.label"]["description"]
    assert said.endswith("positive, none. moods says: joy, very angry, none")


@pytest.mark.parametrize("kind", ["Label", "FurtherTone"])
def test_every_part_of_an_event_is_described(kind: str) -> None:
    data = event_schema()["$defs"][kind]["properties"]
    assert not [name for name, each in data.items() if not (each.keys() & {"description", "$ref"})]
    assert data["tone"]["description"].startswith("The most probable")


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_our_events_are_read_by_the_official_sdk(
    model_directory: Path, tone_model: ToneModel, mode: Any
) -> None:
    for event in published(model_directory, tone_model, output=OutputConfig(mode=mode)):
        message = rabbitmq.RabbitMQMessage(
            headers=event.properties.get("application_headers", {}),
            content_type=event.properties["content_type"],
            body=event.body,
        )
        found = rabbitmq.from_rabbitmq_event(message)
        assert found.get_type() == "sentiment.labelled.v1"
        assert found.get_source() == "/tonebus/input"
        assert found.get_id() == event.properties["message_id"]
        data: Any = found.get_data()
        assert data["origin"]["exchange"] == "sentiment.input"


@pytest.mark.parametrize("connector", load({}, EXAMPLES).connectors, ids=lambda each: each.name)
def test_the_messages_of_the_examples_are_valid_by_their_schemas(
    connector: ConnectorSettings,
) -> None:
    schema = {"$schema": DIALECT, **input_schema(connector.mapping_config())}
    jsonschema.Draft202012Validator.check_schema(schema)
    for test in connector.tests:
        if test.file and connector.format == "json":
            message = json.loads((EXAMPLES.parent / test.file).read_text(encoding="utf-8"))
            jsonschema.validate(message, schema)


def test_an_input_schema_asks_for_the_text() -> None:
    schema = input_schema(MappingConfig(text="comment.body"))
    jsonschema.validate({"comment": {"body": "good"}}, schema)
    wrongs: list[Any] = [{"comment": {}}, {"comment": {"body": 7}}, []]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["", str(EXAMPLES)], ids=["default", "examples"])
def test_the_official_parser_finds_the_asyncapi_document_valid(config: str) -> None:
    secret = "amqps://bob:sekrit@rabbit.example.org/prod"
    environment = {"TONEBUS_CONFIG": config, "TONEBUS_BROKER_URL": secret}
    told = CliRunner().invoke(tonebus, ["schema", "asyncapi"], env=environment).output
    assert "sekrit" not in told
    assert "bob" not in told
    done = subprocess.run(
        [node_with_packages(), str(NODE / "validate.mjs")],
        check=False, input=told, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [each.name for each in load({"TONEBUS_CONFIG": config}).connectors]
    assert {f"{name}.label" for name in names} <= set(done.stdout.split())


def test_every_queue_and_exchange_is_told() -> None:
    environment = {"TONEBUS_CONFIG": str(EXAMPLES)}
    told = json.loads(CliRunner().invoke(tonebus, ["schema", "asyncapi"], env=environment).output)
    wanted = {"helpdesk.events", "store.tones", "sentiment.source.email", "sentiment.parked"}
    assert wanted <= told["channels"].keys()


def test_a_schema_of_an_input_is_printed() -> None:
    result = CliRunner().invoke(
        tonebus, ["schema", "jsonschema", "--connector", "helpdesk"],
        env={"TONEBUS_CONFIG": str(EXAMPLES)},
    )  # fmt: skip
    assert json.loads(result.output)["required"] == ["comment"]
