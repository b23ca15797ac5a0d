"""What becomes of a message, from its delivery to its acknowledgement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from connectors.messages import Score
from daemon.telemetry import metrics
from tests.daemon.rooms import QUEUE, Room

if TYPE_CHECKING:
    from pathlib import Path

    from daemon.model.tone_model import ToneModel


@pytest.fixture
def room(model_directory: Path, tone_model: ToneModel) -> Room:
    return Room(model_directory, tone_model)


def test_every_message_becomes_one_event_with_its_own_tone(
    room: Room, tone_model: ToneModel
) -> None:
    texts = [f"number {n} was {word}" for n in range(30) for word in ("good", "awful", "ok")]
    for place, text in enumerate(texts):
        room.tell(text, id=place)
    room.settle()
    events = {int(event["subject"]): event["data"] for event in room.events()}
    assert len(events) == len(texts)
    for place, wanted in enumerate(tone_model.score(texts)):
        assert isinstance(wanted, Score)
        assert events[place]["scores"] == pytest.approx(wanted.scores, abs=1e-3)
        assert events[place]["tone"] == max(wanted.scores, key=wanted.scores.__getitem__)
        assert events[place]["model"]["revision"] == tone_model.identity.model.revision
    assert room.parked() == []


def test_a_repeat_with_the_same_id_is_not_published_again(room: Room) -> None:
    room.tell("good", id="m-1")
    room.settle()
    room.tell("good", id="m-1")
    room.settle()
    assert len(room.events()) == 1
    assert room.service.registry.total(metrics.DUPLICATES) == 1


def test_a_repeat_after_a_restart_is_not_published_again(room: Room) -> None:
    room.tell("good", id="m-1")
    room.settle()
    room.service.pipeline.remember()
    room.new_service()
    room.open()
    room.tell("good", id="m-1")
    room.settle()
    assert len(room.events()) == 1


def test_a_repeat_whose_mark_is_gone_has_the_same_event_id(room: Room) -> None:
    room.tell("good", id="m-1")
    room.settle()
    room.service.pipeline.remember()
    room.store._entries.clear()
    room.tell("good", id="m-1")
    room.settle()
    one, two = room.events()
    assert one["id"] == two["id"]


def test_one_id_with_two_texts_is_two_events(room: Room) -> None:
    room.tell("good", id="m-1")
    room.tell("bad", id="m-1")
    room.settle()
    one, two = room.events()
    assert one["subject"] == two["subject"] == "m-1"
    assert one["id"] != two["id"]


def test_two_equal_messages_without_ids_are_two_events_and_one_score(room: Room) -> None:
    room.tell("good")
    room.tell("good")
    room.settle()
    one, two = room.events()
    assert one["id"] != two["id"]
    assert sorted([one["data"]["cached"], two["data"]["cached"]]) == [False, True]
    assert room.scored == [["good"]]


def test_copies_of_an_event_on_its_way_follow_it_and_are_not_published(room: Room) -> None:
    for _ in range(5):
        room.tell("good", id="m-1")
    room.settle()
    assert len(room.events()) == 1
    assert room.service.registry.total(metrics.DUPLICATES) == 4
    assert room.broker.depth(QUEUE) == 0


def test_a_text_that_was_scored_before_costs_no_model_time(room: Room) -> None:
    room.tell("good", id="m-1")
    room.settle()
    room.tell("good", id="m-2")
    room.settle()
    first, second = room.events()
    assert (first["data"]["cached"], second["data"]["cached"]) == (False, True)
    assert first["data"]["scores"] == second["data"]["scores"]
    assert room.scored == [["good"]]


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\ufeff", "\0"])
def test_a_text_with_nothing_in_it_has_the_tone_none_and_costs_no_model_time(
    room: Room, text: str
) -> None:
    room.tell(text, id="m-1")
    room.settle()
    [event] = room.events()
    assert (event["data"]["tone"], event["data"]["scores"]) == ("none", {})
    assert room.scored == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff\xfe\x00", "encoding"),
        (b"{broken", "json"),
        (b'{"no": "text"}', "no-text-field"),
        (b'{"text": 7}', "text-type"),
        (b"", "empty"),
        (b" " * 2_000_000, "too-large"),
    ],
)
def test_what_cannot_be_read_is_parked_untouched_and_its_neighbours_are_scored(
    room: Room, body: bytes, code: str
) -> None:
    room.tell("good", id="before")
    room.send(body, message_id="bad-1", headers_are="kept out")
    room.tell("bad", id="after")
    room.settle()
    [parked] = room.parked()
    assert parked.body == body
    assert parked.properties["message_id"] == "bad-1"
    headers = parked.properties["application_headers"]
    assert (headers["tonebus-code"], headers["tonebus-stage"]) == (code, "map")
    assert {event["subject"] for event in room.events()} == {"before", "after"}
    assert room.service.registry.by(metrics.PARKED, "code") == {code: 1}


def test_a_text_that_the_model_cannot_take_is_parked_and_its_neighbours_are_scored(
    room: Room,
) -> None:
    room.poison.add("poison")
    for n in range(9):
        room.tell(f"number {n} is good", id=n)
    room.tell("this is poison", id="guilty")
    room.settle()
    [parked] = room.parked()
    assert json.loads(parked.body)["id"] == "guilty"
    headers = parked.properties["application_headers"]
    assert (headers["tonebus-code"], headers["tonebus-stage"]) == ("poison", "score")
    assert headers["tonebus-attempts"] == 2
    assert {event["subject"] for event in room.events()} == {str(n) for n in range(9)}


def test_copies_of_a_poisonous_text_are_all_settled(room: Room) -> None:
    room.poison.add("poison")
    for _ in range(3):
        room.tell("poison", id="m-1")
    room.tell("poison", id="m-2")
    room.tell("poison")
    room.settle()
    assert {json.loads(each.body).get("id") for each in room.parked()} == {"m-1", "m-2", None}
    assert room.events() == []


def test_its_own_event_fed_back_is_dropped_and_counted(room: Room) -> None:
    room.tell("good", id="m-1")
    room.settle()
    [event] = room.events()
    room.send(json.dumps(event), content_type="application/cloudevents+json; charset=utf-8")
    room.settle()
    assert room.events() == []
    assert room.parked() == []
    assert room.service.registry.by(metrics.SKIPPED, "reason") == {"loop": 1}


def test_a_text_over_the_bound_is_cut_and_says_so(
    model_directory: Path, tone_model: ToneModel
) -> None:
    room = Room(model_directory, tone_model, max_text_chars=10)
    room.tell("good " * 50, id="m-1")
    room.settle()
    [event] = room.events()
    assert event["data"]["truncated"] is True
    assert room.scored == [["good good "]]


def test_lone_surrogates_do_not_harm_the_batch(room: Room) -> None:
    room.send(rb'{"text": "good \ud800 text", "id": "odd"}')
    room.tell("bad", id="even")
    room.settle()
    assert {event["subject"] for event in room.events()} == {"odd", "even"}


def test_what_was_in_flight_when_the_daemon_died_is_finished_by_the_next(room: Room) -> None:
    for n in range(10):
        room.tell(f"number {n}", id=n)
    room.service.pipeline._map()  # it dies in the middle of a turn
    assert room.service.pipeline.in_flight == 10
    room.edges.drop()
    room.new_service()
    room.open()
    room.settle()
    assert {event["subject"] for event in room.events()} == {str(n) for n in range(10)}


def test_no_text_stands_in_the_store(room: Room) -> None:
    room.tell("canary good", id="canary-1")
    room.settle()
    room.service.pipeline.remember()
    entries = [*room.store._entries, *(value for value, _ in room.store._entries.values())]
    assert len(entries) == 4
    assert not [entry for entry in entries if b"canary" in entry]
