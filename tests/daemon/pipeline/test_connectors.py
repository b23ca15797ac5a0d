"""What a connector's settings make of the message path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from connectors.amqp import topology
from connectors.events.output import OutputConfig
from connectors.messages import OutgoingMessage
from connectors.parking.headers import Replayed, headers
from daemon.settings import ConnectorSettings
from daemon.telemetry import metrics
from tests.daemon.rooms import QUEUE, Room

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.model.tone_model import ToneModel

ANSWERS = "amq.gen-answers"


def survey(**output: Any) -> ConnectorSettings:
    return ConnectorSettings(
        text="answers",
        id="survey",
        when="closed != `true`",
        output=OutputConfig(**output),
    )


def test_one_bad_text_is_parked_with_its_index_and_the_others_are_scored(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, survey())
    body = json.dumps({"survey": "s-1", "answers": ["good", 7, "bad"]})
    room.send(body)
    room.settle()
    events = room.events()
    assert [event["data"]["origin"]["index"] for event in events] == [0, 2]
    assert {event["subject"] for event in events} == {"s-1"}
    [parked] = room.parked()
    why = parked.properties["application_headers"]
    assert parked.body == body.encode()
    assert (why["tonebus-code"], why["tonebus-index"]) == ("text-type", 1)


def test_a_message_that_the_condition_leaves_out_is_settled_and_counted(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, survey())
    room.send(json.dumps({"survey": "s-1", "answers": ["good"], "closed": True}))
    room.settle()
    assert not room.events()
    assert not room.parked()
    assert room.service.registry.by(metrics.SKIPPED, "reason") == {"when": 1}


def test_events_go_to_the_connectors_own_exchange(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, survey(exchange="survey.tones", routing_key="{tone}"))
    room.send(json.dumps({"survey": "s-1", "answers": ["good", "bad"]}))
    room.settle()
    assert room.events() == []
    # nobody is bound there, and still none is lost
    kept = room.broker.take(topology.UNROUTED, 10)
    assert [each.exchange for each in kept] == ["survey.tones"] * 2
    assert {each.routing_key for each in kept} <= {"negative", "neutral", "positive"}


def test_a_sender_gets_every_answer_beside_the_events(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, survey(reply=True))
    room.broker.declare(topology.Topology(queues=(topology.Queue(ANSWERS, {}),)))
    asked = {"reply_to": ANSWERS, "correlation_id": "c-1"}
    room.send(json.dumps({"survey": "s-1", "answers": ["good", "bad"]}), **asked)
    room.settle()
    answers = room.broker.take(ANSWERS, 10)
    assert [json.loads(each.body)["id"] for each in answers] == [
        event["id"] for event in room.events()
    ]
    assert {each.properties["correlation_id"] for each in answers} == {"c-1"}
    assert room.service.registry.total(metrics.EVENTS) == 2
    assert room.service.registry.total(metrics.REPLIES) == 2


def test_an_asker_who_has_gone_holds_nothing_up(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, survey(reply=True))
    room.send(json.dumps({"survey": "s-1", "answers": ["good"]}), reply_to="amq.gen-gone")
    room.settle()
    assert len(room.events()) == 1


def test_of_a_replayed_message_only_the_texts_that_failed_are_done_again(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, survey())
    body = json.dumps({"survey": "s-1", "answers": ["good", "bad", "ok"]}).encode()
    seen = Replayed(replays=1, exchange="forms", routing_key="nps.new", texts=frozenset({1}))
    room.broker.publish(OutgoingMessage("", QUEUE, body, {"application_headers": headers(seen)}))
    room.settle()
    [event] = room.events()
    assert event["data"]["origin"] == {
        "exchange": "forms", "routing_key": "nps.new", "message_id": None, "correlation_id": None,
        "index": 1,
    }  # fmt: skip
