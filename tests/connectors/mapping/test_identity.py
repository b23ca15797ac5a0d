"""What makes two messages the same, and what must not."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.events import event as envelope
from connectors.mapping import Mapper, MappingConfig
from tests.messages import delivery

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM = MappingConfig(text="answers[].text", id="answers[].question", carry={"rating": "rating"})
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "type": "comment",
    "source": "/helpdesk",
    "id": "e-1",
}

# few values, so that parts of one message turn up as other parts of another
words = st.sampled_from(["", "a", "b", "#", "a#b", "b#a", "~", "\0", "\ud800", "\ud801", "\ufffd"])
ids = words | st.sampled_from([0, 1, "0", "1", "x" * 300, "x" * 299 + "y"])
events = st.fixed_dictionaries(
    {"specversion": st.just("1.0")}, optional={"source": words, "id": ids}
)
ratings = st.sampled_from([0, 1, "0", "1", "", None])
bodies = st.fixed_dictionaries({"text": st.just("good")}, optional={"id": ids, "rating": ratings})
asked = st.fixed_dictionaries({"text": st.just("good"), "question": ids})
forms = st.fixed_dictionaries({"answers": st.lists(asked, min_size=1, max_size=3)})
wrapped = st.builds(lambda event, body: event | {"data": body}, events, bodies)
properties = st.fixed_dictionaries({}, optional={"message_id": words.filter(str.isascii)})


def event_ids(
    document: object, config: MappingConfig | None = None, properties: Mapping[str, Any] = {}
) -> list[str]:
    """The ids of the events that one delivery leads to."""
    mapper = Mapper(config, max_body_bytes=1024 * 1024, max_text_chars=20_000)
    found = mapper.read(delivery(json.dumps(document).encode(), **properties)).texts
    return [envelope.event_id("input", each) for each in found]


def apart(documents: list[object], config: MappingConfig | None = None, **properties: str) -> bool:
    """Whether no event of one message has the id of an event of another."""
    found = [set(event_ids(each, config, properties)) for each in documents]
    return all(not one & other for one, other in combinations(found, 2))


def answers(*texts: str, **more: Any) -> dict[str, Any]:
    return {"answers": [{"question": n, "text": each} for n, each in enumerate(texts)], **more}


def test_two_people_who_answer_a_form_alike_are_two() -> None:
    assert len(event_ids(answers("yes", "yes"), FORM)) == 2
    assert apart([answers("yes", "no"), answers("yes", "no")], FORM)


def test_one_persons_answers_are_known_again_by_their_messages_id() -> None:
    first = event_ids(answers("yes", "no"), FORM, {"message_id": "m-1"})
    assert first == event_ids(answers("yes", "no"), FORM, {"message_id": "m-1"})
    other = event_ids(answers("yes", "no"), FORM, {"message_id": "m-2"})
    assert not set(first) & set(other)


def test_ids_of_texts_are_added_to_a_cloud_events_own() -> None:
    one, other = (EVENT | {"id": each, "data": answers("yes", "no")} for each in ("e-1", "e-2"))
    assert apart([one, other], FORM)
    assert event_ids(one, FORM) == event_ids(one, FORM)


def test_a_review_whose_words_stay_and_whose_rating_changes_is_another_event() -> None:
    config = MappingConfig(carry={"rating": "rating"})
    reviews: list[object] = [{"text": "fine", "id": "r-1", "rating": n} for n in (1, 5)]
    assert apart(reviews, config)
    assert event_ids(reviews[0], config) == event_ids(reviews[0], config)


def test_the_order_of_carried_members_does_not_matter() -> None:
    config = MappingConfig(carry={"who": "who"})
    one, other = ({"text": "fine", "id": "r-1", "who": dict(each)} for each in
                  ([("a", 1), ("b", 2)], [("b", 2), ("a", 1)]))  # fmt: skip
    assert event_ids(one, config) == event_ids(other, config)


def test_a_hash_in_source_or_id_makes_no_two_cloud_events_one() -> None:
    one, other = (
        EVENT | {"source": source, "id": own, "data": {"text": "good"}}
        for source, own in (("a#b", "c"), ("a", "b#c"))
    )
    assert apart([one, other])


def test_the_id_in_a_body_is_no_message_id() -> None:
    assert event_ids({"text": "good", "id": "7"}) != event_ids(
        {"text": "good"}, properties={"message_id": "7"}
    )


def test_ids_that_are_shown_alike_stay_apart() -> None:
    assert apart([{"text": "good", "id": each} for each in ("\ud800", "\ud801", "\ufffd")])


def test_without_an_identity_each_delivery_is_a_message_of_its_own() -> None:
    assert event_ids({"text": "good"}) != event_ids({"text": "good"})
    # what is only unique within a message does not name it
    assert event_ids(answers("yes"), FORM) != event_ids(answers("yes"), FORM)


@settings(max_examples=300)
@given(*[st.tuples(bodies | wrapped, properties)] * 2)
def test_two_messages_are_never_taken_for_one(
    one: tuple[dict[str, Any], dict[str, str]], other: tuple[dict[str, Any], dict[str, str]]
) -> None:
    config = MappingConfig(carry={"rating": "rating"})
    found = [set(event_ids(document, config, sent)) for document, sent in (one, other)]
    if found[0] & found[1]:
        assert _known_by(*one) == _known_by(*other)


@settings(max_examples=300)
@given(*[st.tuples(forms, properties)] * 2)
def test_two_forms_are_never_taken_for_one(
    one: tuple[dict[str, Any], dict[str, str]], other: tuple[dict[str, Any], dict[str, str]]
) -> None:
    found = [set(event_ids(document, FORM, sent)) for document, sent in (one, other)]
    if found[0] & found[1]:
        assert one[1]["message_id"] == other[1]["message_id"]


@given(bodies | forms, properties)
def test_one_message_has_one_event_id_for_each_text_however_often_it_is_delivered(
    document: dict[str, Any], sent: dict[str, str]
) -> None:
    config = FORM if "answers" in document else None
    first, second = (event_ids(document, config, sent) for _ in range(2))
    known = bool(sent.get("message_id")) or document.get("id", "") != ""
    assert (first == second) == known


def _known_by(document: dict[str, Any], sent: dict[str, str]) -> str:
    """All that makes a message the same, read straight from what was sent."""
    body = document.get("data", document)
    rating = body.get("rating")
    source, own = document.get("source"), document.get("id")
    if "data" in document and source and own and isinstance(own, str):
        return json.dumps(["event", source, own, rating])
    if "data" not in document and own not in {None, ""}:
        # a number and its digits are one id
        return json.dumps(["body", str(own), rating])
    return json.dumps(["message", sent.get("message_id"), rating])
