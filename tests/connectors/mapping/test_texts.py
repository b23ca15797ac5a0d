"""Odd texts are scored all the same, in bounded time; loops are dropped."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Skip
from connectors.text import is_blank
from tests.connectors.mapping.reading import (
    BOUNDED_SECONDS,
    MAX_BODY,
    MAX_TEXT,
    found_text,
    text_of,
    within,
)
from tests.messages import delivery


@pytest.mark.parametrize(
    "text", ["", " ", "\t\r\n", "\u200b\u200d\ufeff", "\u00a0\u2003", "\0\x1b", "\u202e\u2066"]
)
def test_a_text_with_nothing_in_it_is_blank(text: str) -> None:
    assert is_blank(found_text(delivery(json.dumps({"text": text}).encode())).content)


@pytest.mark.parametrize("text", ["a", ".", " 1 ", "\u200b!\u200b", "\U0001f600", "\u0301"])
def test_a_text_with_anything_in_it_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@pytest.mark.parametrize("text", ["a\0b", "\u202eevil", "\x1b[31mred", "a\r\nb"])
def test_control_characters_stay_in_the_text(text: str) -> None:
    assert text_of(json.dumps({"text": text}).encode()) == text


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\ud83d"])
def test_a_lone_surrogate_is_replaced(half: str) -> None:
    assert text_of(b'{"text": "good%s!"}' % half.encode()) == "good\ufffd!"


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert text_of(rb'{"text": "\ud83d\ude00"}') == "\U0001f600"
    assert text_of(rb'{"text": "\ud83d\ude00 \ud800"}') == "\U0001f600 \ufffd"


@given(st.text(alphabet=st.characters(), max_size=50))
def test_every_text_can_be_encoded_afterwards(text: str) -> None:
    body = json.dumps({"text": text, "id": text}).encode()
    found = found_text(delivery(body))
    found.content.encode()
    (found.source_id or "").encode()


@pytest.mark.parametrize("text", ["a" + "\u0301" * 100_000, "\ufdfa" * 100_000])
def test_texts_that_explode_under_normalisation_take_bounded_time(text: str) -> None:
    body = json.dumps({"text": text}, ensure_ascii=False).encode()
    within(BOUNDED_SECONDS, lambda: found_text(delivery(body)))
    assert found_text(delivery(body)).cut


def test_four_megabytes_of_text_are_cut_by_characters() -> None:
    body = b'{"text": "' + b"good " * 800_000 + b'"}'
    found = found_text(delivery(body), max_body=5 * MAX_BODY)
    assert found.cut
    assert len(found.content) == MAX_TEXT


def test_a_text_at_the_bound_is_whole() -> None:
    found = found_text(delivery(json.dumps({"text": "a" * MAX_TEXT}).encode()))
    assert len(found.content) == MAX_TEXT
    assert not found.cut


def test_its_own_result_fed_back_is_skipped_as_a_loop() -> None:
    own = {
        "specversion": "1.0",
        "type": "sentiment.labelled.v1",
        "source": "/tonebus/helpdesk",
        "id": "1",
        "data": {"tone": "negative", "text": "x"},
    }
    with pytest.raises(Skip, match="loop"):
        found_text(delivery(json.dumps(own).encode()))
    without_text = own | {"data": {"tone": "negative"}}
    with pytest.raises(Skip, match="loop"):
        found_text(delivery(json.dumps(without_text).encode()))
    headers = {f"cloudEvents:{name}": own[name] for name in ("specversion", "type", "source", "id")}
    with pytest.raises(Skip, match="loop"):
        found_text(delivery(b'{"tone": "negative"}', headers=headers))


def test_an_event_of_our_type_from_elsewhere_is_no_loop() -> None:
    event = {"specversion": "1.0", "type": "sentiment.labelled.v1", "source": "/other", "id": "1"}
    assert text_of(json.dumps(event | {"data": {"text": "good"}}).encode()) == "good"
