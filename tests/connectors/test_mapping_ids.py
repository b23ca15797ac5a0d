"""By which id a message is known again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import BadInput
from connectors.mapping import Mapper
from tests.messages import delivery

if TYPE_CHECKING:
    from connectors.messages import Utterance

EVENT = {"specversion": "1.0", "type": "comment", "source": "/helpdesk", "id": "e-1"}


def utterance(body: bytes, headers: dict[str, Any] | None = None, **properties: Any) -> Utterance:
    mapper = Mapper(max_body_bytes=1024 * 1024, max_text_chars=20_000)
    [only] = mapper.read(delivery(body, headers=headers, **properties)).utterances
    return only


def source_id(body: object, headers: dict[str, Any] | None = None, **properties: Any) -> str | None:
    return utterance(json.dumps(body).encode(), headers, **properties).source_id


def test_the_body_names_the_message() -> None:
    assert source_id({"text": "good", "id": "b-1"}, message_id="m-1") == "b-1"
    assert source_id({"text": "good", "id": 4711}) == "4711"
    assert source_id({"text": "good", "id": 0}, message_id="m-1") == "0"


@pytest.mark.parametrize("useless", [None, "", True, 1.5, [], {}])
def test_the_message_id_serves_where_the_body_has_none(useless: object) -> None:
    assert source_id({"text": "good", "id": useless}, message_id="m-1") == "m-1"
    assert source_id({"text": "good", "id": useless}) is None


def test_a_plain_text_is_known_by_its_message_id() -> None:
    found = utterance(b"good", message_id="m-1", content_type="text/plain")
    assert found.source_id == "m-1"
    assert utterance(b"good", content_type="text/plain").source_id is None


def test_a_message_id_of_255_bytes_is_fine_without_a_correlation_id() -> None:
    one = source_id({"text": "good"}, message_id="m" * 254 + "1")
    two = source_id({"text": "good"}, message_id="m" * 254 + "2")
    assert one != two
    assert one is not None
    assert len(one) <= 255


def test_a_long_id_is_cut_to_a_bound_and_stays_unique() -> None:
    one, two = (source_id({"text": "good", "id": "x" * 100_000 + end}) for end in "12")
    assert one is not None
    assert two is not None
    assert one != two
    assert len(one) == len(two) <= 255
    assert source_id({"text": "good", "id": "x" * 100_000 + "1"}) == one


def test_an_id_at_the_bound_is_whole() -> None:
    assert source_id({"text": "good", "id": "x" * 200}) == "x" * 200


def test_a_lone_surrogate_in_an_id_is_replaced() -> None:
    assert source_id({"text": "good", "id": "\ud800"}) == "\ufffd"


def test_a_structured_cloud_event_is_known_by_source_and_id() -> None:
    assert source_id(EVENT | {"data": {"text": "good"}}, message_id="m-1") == "/helpdesk#e-1"
    elsewhere = EVENT | {"source": "/chat", "data": {"text": "good"}}
    assert source_id(elsewhere) == "/chat#e-1"


@pytest.mark.parametrize("data", [{"text": "good", "id": "inner"}, "good"])
def test_the_data_of_a_structured_cloud_event_is_read(data: object) -> None:
    found = utterance(
        json.dumps(EVENT | {"data": data}).encode(), content_type="application/cloudevents+json"
    )
    assert (found.text, found.source_id) == ("good", "/helpdesk#e-1")


@pytest.mark.parametrize("data", [None, 1, ["good"], {}, {"text": None}])
def test_a_cloud_event_without_a_text_is_parked(data: object) -> None:
    with pytest.raises(BadInput, match="no-text-field"):
        utterance(json.dumps(EVENT | {"data": data}).encode())


@pytest.mark.parametrize("prefix", ["cloudEvents:", "cloudEvents_", "ce-"])
def test_a_binary_cloud_event_is_known_by_its_headers(prefix: str) -> None:
    headers = {prefix + name: value for name, value in EVENT.items()}
    found = utterance(b'{"text": "good", "id": "inner"}', headers, message_id="m-1")
    assert (found.text, found.source_id) == ("good", "/helpdesk#e-1")
    plain = utterance(b"good", headers, content_type="text/plain")
    assert (plain.text, plain.source_id) == ("good", "/helpdesk#e-1")
