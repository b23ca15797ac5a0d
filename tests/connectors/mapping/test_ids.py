"""By what a message is known again, and which id is shown for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BadInput
from connectors.mapping import Mapper, MappingConfig
from tests.messages import delivery

if TYPE_CHECKING:
    from connectors.messages import Text

EVENT = {"specversion": "1.0", "type": "comment", "source": "/helpdesk", "id": "e-1"}


def found_text(body: bytes, headers: dict[str, Any] | None = None, **properties: Any) -> Text:
    mapper = Mapper(max_body_bytes=1024 * 1024, max_text_chars=20_000)
    [only] = mapper.read(delivery(body, headers=headers, **properties)).texts
    return only


def shown(body: object, headers: dict[str, Any] | None = None, **properties: Any) -> str | None:
    return found_text(json.dumps(body).encode(), headers, **properties).subject


def key(body: object, headers: dict[str, Any] | None = None, **properties: Any) -> str | None:
    return found_text(json.dumps(body).encode(), headers, **properties).source_id


def test_the_body_names_the_message() -> None:
    assert shown({"text": "good", "id": "b-1"}, message_id="m-1") == "b-1"
    assert shown({"text": "good", "id": 4711}) == "4711"
    assert shown({"text": "good", "id": 0}, message_id="m-1") == "0"
    assert shown({"text": "good", "id": 7.0}, message_id="m-1") == "7"
    assert shown({"text": "good", "id": 7.5}, message_id="m-1") == "7.5"


@pytest.mark.parametrize("useless", [None, "", True, [], {}])
def test_the_message_id_serves_where_the_body_has_none(useless: object) -> None:
    assert shown({"text": "good", "id": useless}, message_id="m-1") == "m-1"
    assert shown({"text": "good", "id": useless}) is None


def test_a_plain_text_is_known_by_its_message_id() -> None:
    found = found_text(b"good", message_id="m-1", content_type="text/plain")
    assert found.subject == "m-1"
    assert found_text(b"good", content_type="text/plain").source_id is None


def test_a_message_id_of_255_bytes_is_fine_without_a_correlation_id() -> None:
    one = shown({"text": "good"}, message_id="m" * 254 + "1")
    two = shown({"text": "good"}, message_id="m" * 254 + "2")
    assert one != two
    assert one is not None
    assert len(one) <= 255


def test_a_long_id_is_cut_to_a_bound_and_stays_unique() -> None:
    one, two = (shown({"text": "good", "id": "x" * 100_000 + end}) for end in "12")
    assert one is not None
    assert two is not None
    assert one != two
    assert len(one) == len(two) <= 255
    assert shown({"text": "good", "id": "x" * 100_000 + "1"}) == one


def test_an_id_at_the_bound_is_whole() -> None:
    assert shown({"text": "good", "id": "x" * 200}) == "x" * 200


def test_a_lone_surrogate_in_an_id_is_replaced() -> None:
    assert shown({"text": "good", "id": "\ud800"}) == "\ufffd"


def test_a_structured_cloud_event_is_known_by_source_and_id() -> None:
    assert shown(EVENT | {"data": {"text": "good"}}, message_id="m-1") == "/helpdesk#e-1"
    elsewhere = EVENT | {"source": "/chat", "data": {"text": "good"}}
    assert shown(elsewhere) == "/chat#e-1"


@pytest.mark.parametrize("data", [{"text": "good", "id": "inner"}, "good"])
def test_the_data_of_a_structured_cloud_event_is_read(data: object) -> None:
    found = found_text(
        json.dumps(EVENT | {"data": data}).encode(), content_type="application/cloudevents+json"
    )
    assert (found.content, found.subject) == ("good", "/helpdesk#e-1")


@pytest.mark.parametrize("data", [None, 1, ["good"], {}, {"text": None}])
def test_a_cloud_event_without_a_text_is_parked(data: object) -> None:
    with pytest.raises(BadInput, match="no-text-field"):
        found_text(json.dumps(EVENT | {"data": data}).encode())


@pytest.mark.parametrize("prefix", ["cloudEvents:", "cloudEvents_", "ce-"])
def test_a_binary_cloud_event_is_known_by_its_headers(prefix: str) -> None:
    headers = {prefix + name: value for name, value in EVENT.items()}
    found = found_text(b'{"text": "good", "id": "inner"}', headers, message_id="m-1")
    assert (found.content, found.subject) == ("good", "/helpdesk#e-1")
    plain = found_text(b"good", headers, content_type="text/plain")
    assert (plain.content, plain.subject) == ("good", "/helpdesk#e-1")


# What is the same, and what is not --------------------------------------------------------------


def test_two_messages_are_never_known_by_one_key() -> None:
    event = EVENT | {"data": {"text": "good"}}
    keys = [
        key({"text": "good", "id": "a"}),
        key({"text": "good"}, message_id="a"),
        key({"text": "good", "id": "message a"}),
        key(event | {"source": "a#b", "id": "c"}),
        key(event | {"source": "a", "id": "b#c"}),
        key({"text": "good", "id": "a#b#c"}),
        key({"text": "good", "id": "\ud800"}),
        key({"text": "good", "id": "\ud801"}),
        key({"text": "good", "id": "\ufffd"}),
        *(key({"text": "good", "id": "x" * 100_000 + end}) for end in "12"),
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_key_is_bounded_encodable_and_the_same_each_time(own: str, message_id: str) -> None:
    once, again = (key({"text": "good", "id": own}, message_id=message_id) for _ in range(2))
    assert once == again
    assert (once is None) == (not own and not message_id)
    assert len((once or "").encode()) <= 1000


def test_without_an_id_of_its_own_each_delivery_is_a_message() -> None:
    assert key({"text": "good"}) is None
    assert key({"text": "good", "id": ""}, message_id="") is None


def answers(*ids: str, **properties: Any) -> list[Text]:
    config = MappingConfig(text="answers[].text", id="answers[].id")
    body = {"answers": [{"id": each, "text": "Fine."} for each in ids]}
    mapper = Mapper(config, max_body_bytes=1024 * 1024, max_text_chars=20_000)
    return mapper.read(delivery(json.dumps(body).encode(), **properties)).texts


def test_ids_of_texts_are_added_to_the_identity_of_their_message() -> None:
    one, two = answers("q-1", "q-2", message_id="m-1"), answers("q-1", "q-2", message_id="m-2")
    assert len({each.source_id for each in one + two}) == 4
    assert [each.subject for each in one] == ["q-1", "q-2"]


def test_ids_of_texts_alone_do_not_make_two_messages_one() -> None:
    found = answers("q-1", "q-2")
    assert [(each.source_id, each.subject) for each in found] == [(None, "q-1"), (None, "q-2")]


def test_an_id_that_a_connector_finds_in_an_event_is_added_to_that_of_the_event() -> None:
    mapper = Mapper(MappingConfig(id="ref"), max_body_bytes=1024 * 1024, max_text_chars=20_000)
    keys = set()
    for source, ref in [("/a", "1"), ("/b", "1"), ("/a", "2")]:
        body = json.dumps(EVENT | {"source": source, "data": {"text": "good", "ref": ref}})
        [found] = mapper.read(delivery(body.encode())).texts
        assert found.subject == ref
        keys.add(found.source_id)
    assert len(keys) == 3


@pytest.mark.parametrize("missing", ["source", "id"])
def test_an_event_without_source_or_id_is_known_by_its_message_id(missing: str) -> None:
    event = EVENT | {"data": {"text": "good"}, missing: ""}
    assert shown(event, message_id="m-1") == "m-1"


def of_elements(body: object, each: str = "[]") -> list[str | None]:
    config = MappingConfig(each=each)
    mapper = Mapper(config, max_body_bytes=1024 * 1024, max_text_chars=20_000)
    found = mapper.read(delivery(json.dumps(body).encode(), message_id="m-1")).texts
    return [text.source_id for text in found]


def test_a_text_with_an_id_of_its_own_is_known_wherever_it_stands() -> None:
    fine, bad = {"id": 1, "text": "Fine."}, {"id": 2, "text": "Bad."}
    assert of_elements([fine, bad]) == of_elements([bad, fine])[::-1]
    assert answers("q-1", "q-2", message_id="m")[1].source_id == (
        answers("q-2", message_id="m")[0].source_id
    )


def test_texts_without_ids_of_their_own_are_known_by_their_positions() -> None:
    body = [{"text": "Fine."}, {"id": 7, "text": "Fine."}, {"text": "Fine."}]
    known = of_elements(body)
    assert len(set(known)) == 3
    assert known == of_elements(body)
    assert len(set(of_elements({"id": 7, "text": ["Fine."] * 3}, each=""))) == 3


def test_the_texts_of_one_element_are_known_by_its_id_and_their_positions_in_it() -> None:
    one, other = {"id": 1, "text": ["Fine.", "Fine."]}, {"id": 2, "text": "Bad."}
    known = of_elements([one, other])
    assert len(set(known)) == 3
    assert of_elements([other, one]) == [known[2], *known[:2]]


def test_an_event_is_known_wherever_it_stands_in_a_batch_and_one_without_an_id_by_its_place() -> (
    None
):
    def known(*events: object) -> list[str | None]:
        mapper = Mapper(max_body_bytes=1024 * 1024, max_text_chars=20_000)
        body = json.dumps(events).encode()
        return [each.source_id for each in mapper.read(delivery(body, message_id="m")).texts]

    one, other = (EVENT | {"id": each, "data": {"text": "good"}} for each in "12")
    assert known(one, other) == known(other, one)[::-1]
    nameless = {"specversion": "1.0", "data": {"text": "good"}}
    assert len(set(known(nameless, one, nameless))) == 3
