"""Two messages are never taken for one: cases from the field, through the whole message path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from daemon.settings import ConnectorSettings
from daemon.telemetry import metrics
from tests.daemon.rooms import Room

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.model.tone_model import ToneModel

FORM = ConnectorSettings(text="answers[].text", id="answers[].question")
REVIEW = ConnectorSettings(id="review", carry={"rating": "rating"})
ANSWERS = {"answers": [{"question": "q-1", "text": "yes"}, {"question": "q-2", "text": "no"}]}


def send(room: Room, document: object, **properties: Any) -> None:
    """Publish, and wait until it is settled, so that its marks are kept."""
    room.send(json.dumps(document), content_type="application/json", **properties)
    room.settle()
    room.service.pipeline.remember()


def test_two_people_who_answer_a_form_alike_are_two(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, FORM)
    send(room, ANSWERS, message_id="person-1")
    send(room, ANSWERS, message_id="person-2")
    # without an id of the message, nobody can say that it was one of these
    send(room, ANSWERS)
    events = room.events()
    assert len({event["id"] for event in events}) == 6
    assert [event["subject"] for event in events] == ["q-1", "q-2"] * 3
    send(room, ANSWERS, message_id="person-1")
    assert room.events() == []
    assert room.service.registry.total(metrics.DUPLICATES) == 2


def test_a_review_whose_rating_is_edited_is_another_event(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, REVIEW)
    for rating in (2, 5, 2, 5):
        send(room, {"review": "r-1", "text": "it works", "rating": rating})
    first, second = room.events()
    assert [each["data"]["carried"]["rating"] for each in (first, second)] == [2, 5]
    assert first["id"] != second["id"]
    assert first["subject"] == second["subject"] == "r-1"


def test_the_id_in_one_body_is_not_the_message_id_of_another(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model)
    send(room, {"id": "7", "text": "good"})
    send(room, {"text": "good"}, message_id="7")
    assert len(room.events()) == 2
