"""Events: the id by which a repeat is known, and what surrounds a score."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.events import event as envelope
from connectors.events.output import Output
from connectors.messages import Model, Score, Text
from tests.messages import delivery

TRACE = f"00-{'1' * 32}-{'2' * 16}-01"
MODEL = Model("tiny", "r1")
SCORE = Score({"negative": 0.123456, "neutral": 0.8, "positive": 0.076544}, tokens=7)


def found_text(text: str = "good", **more: Any) -> Text:
    return Text(content=text, **({"source_id": "m-1", "subject": "m-1"} | more))


def event(body: bytes = b"{}", score: Score = SCORE, **more: Any) -> dict[str, Any]:
    """An event as it is read from the wire."""
    cut = bool(more.pop("cut", False))
    source = delivery(body, **more)
    told = envelope.tone_event(
        source,
        found_text(cut=cut),
        "event-1",
        score=score,
        model=MODEL,
        cached=False,
        language=("en", 0.9),
    )
    read: dict[str, Any] = json.loads(Output().message(told, source).body)
    return read


# The id ---------------------------------------------------------------------------------------


def test_the_same_message_has_one_event_id_however_often_it_is_delivered() -> None:
    assert len({envelope.event_id("input", found_text()) for _ in range(10)}) == 1


def test_another_connector_identity_text_carried_field_or_language_is_another_event() -> None:
    ids = {
        envelope.event_id("input", found_text()),
        envelope.event_id("chat", found_text()),
        envelope.event_id("input", found_text(source_id="id m-2")),
        envelope.event_id("input", found_text(source_id="message m-1")),
        envelope.event_id("input", found_text(source_id="text 4 id m-1 1")),
        envelope.event_id("input", found_text("bad")),
        envelope.event_id("input", found_text(carried={"rating": 1})),
        envelope.event_id("input", found_text(carried={"rating": 2})),
        envelope.event_id("input", found_text(carried={"rating": "2"})),
        envelope.event_id("input", found_text(language="de")),
    }
    assert len(ids) == 10


def test_a_message_without_an_identity_gets_a_fresh_event_id_each_time() -> None:
    nameless = found_text(source_id=None)
    assert len({envelope.event_id("input", nameless) for _ in range(10)}) == 10


def test_what_does_not_decide_the_event_does_not_change_its_id() -> None:
    first = envelope.event_id("input", found_text())
    assert envelope.event_id("input", found_text(cut=True, subject="s", traceparent="t")) == first
    assert envelope.event_id("input", found_text(index=1)) == first


parts = st.text(max_size=4)


@given(*[st.tuples(parts, parts, parts, parts)] * 2)
def test_parts_that_read_alike_when_strung_together_stay_apart(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    found = [
        envelope.event_id(connector, found_text(text, source_id=known, carried={"field": carried}))
        for connector, text, carried, known in (one, other)
    ]
    assert (found[0] == found[1]) == (one == other)


def test_an_id_reveals_neither_the_text_nor_the_source_id() -> None:
    found = envelope.event_id("input", found_text("canary", source_id="id canary"))
    assert len(found) == 32
    int(found, 16)


# The event ------------------------------------------------------------------------------------


def test_an_event_says_all_that_is_promised() -> None:
    found = event(message_id="m-1", correlation_id="c-1", headers={"traceparent": TRACE, "x": 1})
    time = datetime.fromisoformat(found.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert found == {
        "specversion": "1.0",
        "type": "sentiment.labelled.v1",
        "source": "/tonebus/input",
        "id": "event-1",
        "subject": "m-1",
        "datacontenttype": "application/json",
        "traceparent": TRACE,
        "data": {
            "tone": "neutral",
            "score": 0.8,
            "scores": {"negative": 0.1235, "neutral": 0.8, "positive": 0.0765},
            "model": {"name": "tiny", "revision": "r1"},
            "tokens": 7,
            "truncated": False,
            "cached": False,
            "origin": {
                "exchange": "sentiment.input",
                "routing_key": "some.key",
                "message_id": "m-1",
                "correlation_id": "c-1",
                "index": 0,
            },
            "carried": {},
            "language": "en",
            "language_confidence": 0.9,
        },
    }


def test_attributes_without_a_value_are_left_out() -> None:
    told = envelope.tone_event(
        delivery(b"{}", headers={"traceparent": "7"}), found_text(subject=None), "event-1",
        score=SCORE, model=MODEL, cached=True, language=("en", 0.9),
    )  # fmt: skip
    found = json.loads(Output().message(told, delivery(b"{}")).body)
    # CloudEvents 1.0, section 3.1: an attribute is absent rather than null
    assert not {"subject", "traceparent"} & found.keys()
    assert found["data"]["cached"] is True


def test_truncated_says_so_whether_mapping_or_model_cut() -> None:
    assert event()["data"]["truncated"] is False
    assert event(cut=True)["data"]["truncated"] is True
    assert event(score=Score(SCORE.scores, 7, truncated=True))["data"]["truncated"] is True


def test_a_text_with_nothing_in_it_has_the_tone_none() -> None:
    data = event(score=Score({}, 0))["data"]
    assert (data["tone"], data["score"], data["scores"]) == ("none", 0.0, {})


def test_a_message_goes_to_the_results_by_connector_and_tone() -> None:
    told = envelope.tone_event(
        delivery(b"{}", correlation_id="c-1"), found_text(), "event-1",
        score=SCORE, model=MODEL, cached=False, language=("en", 0.9),
    )  # fmt: skip
    message = Output().message(told, delivery(b"{}"))
    assert (message.exchange, message.routing_key) == ("sentiment.results", "input.neutral")
    assert message.properties == {
        "content_type": "application/cloudevents+json; charset=utf-8",
        "message_id": "event-1",
        "type": "sentiment.labelled.v1",
        "app_id": "tonebus",
        "correlation_id": "c-1",
    }


def test_no_text_travels_in_an_event() -> None:
    told = envelope.tone_event(
        delivery(b'{"text": "canary"}'), found_text("canary"), "event-1",
        score=SCORE, model=MODEL, cached=False, language=("en", 0.9),
    )  # fmt: skip
    assert b"canary" not in Output().message(told, delivery(b"{}")).body
