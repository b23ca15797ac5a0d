"""An event is published as its connector says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.events import event as envelope
from connectors.events.doubt import Doubt
from connectors.events.output import Output, OutputConfig, fault_of
from connectors.messages import Model, OutgoingMessage, Score, Text, ToneEvent
from tests.messages import delivery

TRACE = f"00-{'1' * 32}-{'2' * 16}-01"
SCORE = Score({"negative": 0.9, "positive": 0.1}, tokens=3)


def event(source: Any, *, include_text: bool = False, language: str | None = None) -> ToneEvent:
    return envelope.tone_event(
        source, Text("Too late.", subject="m-1", language=language), "event-1",
        score=SCORE, model=Model("Mini LM", "r1"), cached=False,
        language=(language or "und", 0.9), include_text=include_text,
    )  # fmt: skip


def message(terms: OutputConfig, *, language: str | None = None, **more: Any) -> OutgoingMessage:
    source = delivery(b"{}", **more)
    output = Output(terms)
    return output.message(
        event(source, include_text=output.include_text, language=language), source
    )


def test_the_key_follows_its_template() -> None:
    terms = OutputConfig(routing_key="tone.{tone}.{language}.{model}.{connector}.{routing_key}")
    assert message(terms, language="pt.BR").routing_key == (
        "tone.negative.pt_BR.Mini_LM.input.some.key"
    )
    assert message(OutputConfig(routing_key="{language}")).routing_key == "unknown"


def test_an_event_in_doubt_keeps_its_scores_and_goes_to_a_key_of_its_own() -> None:
    source, output = delivery(b"{}"), Output(doubt=Doubt(below=0.95))
    told = envelope.tone_event(
        source, Text("Too late."), "event-1", score=SCORE, model=Model("m", "r1"),
        cached=False, language=("en", 0.9), doubt=output.doubt,
    )  # fmt: skip
    sent = output.message(told, source)
    data = json.loads(sent.body)["data"]
    assert sent.routing_key == "input.unsure"
    assert (data["tone"], data["score"], data["scores"]) == ("unsure", 0.9, SCORE.scores)


def test_a_label_of_several_words_is_one_word_of_the_key() -> None:
    source = delivery(b"{}")
    told = envelope.tone_event(
        source, Text("Too late."), "event-1", score=Score({"very angry.*": 0.9, "joy": 0.1}, 3),
        model=Model("m", "r1"), cached=False, language=("en", 0.9),
    )  # fmt: skip
    for config in (OutputConfig(), OutputConfig(routing_key="{connector}.{tone}.x")):
        sent = Output(config).message(told, source)
        assert sent.routing_key.split(".")[:2] == ["input", "very_angry_"]
        assert json.loads(sent.body)["data"]["tone"] == "very angry.*"


def test_a_key_never_outgrows_what_amqp_has_room_for() -> None:
    long = message(OutputConfig(routing_key="é" * 200)).routing_key
    assert len(long.encode()) <= 255


@pytest.mark.parametrize("template", ["{tone", "{tones}", "{}", "{tone.__class__}", "{0}"])
def test_a_template_that_leads_nowhere_is_found(template: str) -> None:
    assert fault_of(template)


def test_the_default_template_is_good() -> None:
    assert fault_of(OutputConfig().routing_key) == ""


def test_binary_mode_puts_the_attributes_into_headers() -> None:
    sent = message(OutputConfig(mode="binary", exchange="tones"), headers={"traceparent": TRACE})
    headers = sent.properties["application_headers"]
    assert sent.exchange == "tones"
    assert sent.properties["content_type"] == "application/json"
    assert json.loads(sent.body)["tone"] == "negative"
    assert headers["ce-type"] == "sentiment.labelled.v1"
    assert (headers["ce-id"], headers["ce-subject"]) == ("event-1", "m-1")
    assert headers["ce-traceparent"] == headers["traceparent"] == TRACE


def test_the_text_travels_only_where_it_is_asked_for() -> None:
    assert b"Too late." not in message(OutputConfig()).body
    assert json.loads(message(OutputConfig(include_text=True)).body)["data"]["text"] == "Too late."


def test_named_headers_are_carried_over_and_no_others() -> None:
    headers = {"tenant": "acme", "shard": 7, "secret": "x", "big": "y" * 5000, "table": {"a": 1}}
    terms = OutputConfig(headers=("tenant", "shard", "big", "table", "missing"))
    sent = message(terms, headers=headers)
    assert sent.properties["application_headers"] == {"tenant": "acme", "shard": 7}
    assert "application_headers" not in message(OutputConfig(), headers=headers).properties


def test_a_trace_is_continued_and_a_forged_one_is_not() -> None:
    sent = message(OutputConfig(), headers={"traceparent": TRACE, "tracestate": "a=1"})
    assert sent.properties["application_headers"] == {"traceparent": TRACE, "tracestate": "a=1"}
    assert json.loads(sent.body)["traceparent"] == TRACE
    assert (
        "application_headers"
        not in message(OutputConfig(), headers={"traceparent": "x"}).properties
    )
    assert (
        "application_headers"
        not in message(OutputConfig(), headers={"tracestate": "a=1"}).properties
    )


def reply(queue: Any, *, on: bool = True) -> OutgoingMessage | None:
    source = delivery(b"{}", reply_to=queue, correlation_id="c-1")
    return Output(OutputConfig(reply=on)).reply(event(source), source)


def test_a_sender_is_answered_where_the_connector_replies() -> None:
    answer = reply("amq.gen-1")
    assert answer
    assert (answer.exchange, answer.routing_key, answer.mandatory) == ("", "amq.gen-1", False)
    assert answer.properties["correlation_id"] == "c-1"


@pytest.mark.parametrize("queue", ["", None, 7, "sentiment.source.input", "sentiment.score.x"])
def test_an_answer_never_goes_to_a_queue_of_our_own(queue: Any) -> None:
    assert reply(queue) is None
    assert reply("amq.gen-1", on=False) is None
