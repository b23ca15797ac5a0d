"""Texts, ids and carried fields stay together, whatever the shape of the message."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from connectors.errors import Skip
from connectors.mapping import MappingConfig
from connectors.mapping.expressions import fault_of
from connectors.mapping.finding import MAX_TEXTS
from tests.connectors.mapping.reading import read, refused, texts

MESSAGES = MappingConfig(
    each="messages[]", text="text.body", id="id", language="lang",
    carry={"from": "from", "account": "$.account"},
)  # fmt: skip
IMAGE: dict[str, Any] = {"id": "w-1", "from": "a", "image": {}}
TEXT: dict[str, Any] = {"id": "w-2", "from": "b", "lang": "de", "text": {"body": "Wo ist es?"}}


def message(*elements: object, **more: Any) -> dict[str, Any]:
    return {"account": 7, "messages": list(elements), **more}


# Elements -------------------------------------------------------------------------------------


@pytest.mark.parametrize("elements", [(IMAGE, TEXT), (TEXT, IMAGE), (IMAGE, TEXT, IMAGE)])
def test_a_text_and_an_image_give_one_event(elements: tuple[object, ...]) -> None:
    found = read(MESSAGES, message(*elements), message_id="m-1")
    [text] = found.texts
    assert found.bad is None
    assert (text.content, text.subject, text.language) == ("Wo ist es?", "w-2", "de")
    assert text.carried == {"from": "b", "account": 7}


def test_what_belongs_to_an_element_stays_with_it() -> None:
    other = TEXT | {"id": "w-3", "from": "c", "text": {"body": "Hier."}}
    found = read(MESSAGES, message(TEXT, IMAGE, other), message_id="m-1").texts
    assert [(each.content, each.subject, each.carried["from"]) for each in found] == [
        ("Wo ist es?", "w-2", "b"),
        ("Hier.", "w-3", "c"),
    ]
    assert [each.index for each in found] == [0, 1]
    assert len({each.source_id for each in found}) == 2


@pytest.mark.parametrize("elements", [(), (IMAGE,), (None, 1, "x", [])])
def test_elements_without_any_text_ask_for_no_event(elements: tuple[object, ...]) -> None:
    with pytest.raises(Skip, match="no-texts"):
        read(MESSAGES, message(*elements))


def test_a_message_without_the_list_asks_for_no_event() -> None:
    with pytest.raises(Skip, match="no-texts"):
        read(MESSAGES, {"statuses": []})


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        ({"text": {"body": 7}}, "text-type"),
        ({"text": {"body": "x"}, "from": "x" * 10_000}, "carry"),
    ],
)
def test_one_element_that_cannot_be_read_spoils_no_other(spoilt: Any, code: str) -> None:
    found = read(MESSAGES, message(IMAGE, TEXT, TEXT | spoilt, TEXT))
    assert [each.index for each in found.texts] == [0, 2]
    assert found.bad
    assert (found.bad.code, found.bad.indexes) == (code, (1,))


def test_an_element_may_hold_a_list_of_texts_or_be_one() -> None:
    config = MappingConfig(each="parts", text="lines", id="no")
    body = {"parts": [{"no": 1, "lines": ["a", "b"]}, {"no": 2}, {"no": 3, "lines": ["c"]}]}
    found = read(config, body, message_id="m").texts
    assert [(each.content, each.subject) for each in found] == [("a", "1"), ("b", "1"), ("c", "3")]
    assert texts(MappingConfig(each="lines", text="@", id=""), {"lines": ["a", "b"]}) == ["a", "b"]
    assert texts(MappingConfig(each="one", text="t"), {"one": {"t": "a"}}) == ["a"]


def test_a_replay_reads_the_elements_that_it_asks_for() -> None:
    replay: dict[str, Any] = {"exchange": "", "headers": {"tonebus-texts": "1"}}
    other = TEXT | {"text": {"body": "Hier."}}
    assert texts(MESSAGES, message(TEXT, IMAGE, other), **replay) == ["Hier."]


def test_elements_are_bounded() -> None:
    assert refused(MESSAGES, message(*[TEXT] * (MAX_TEXTS + 1))).code == "too-large"
    assert refused(MESSAGES, message(*[1] * 300_000)).code == "too-costly"


def test_ids_that_do_not_fit_their_texts_are_refused_with_the_way_out() -> None:
    config = MappingConfig(text="messages[].text.body", id="messages[].id")
    bad = refused(config, message(IMAGE, TEXT))
    assert (bad.code, bad.detail) == (
        "mapping",
        "id: 2 ids for 1 texts; `each` keeps them together",
    )


# Identity -------------------------------------------------------------------------------------


def test_an_id_of_the_message_makes_elements_known_without_an_amqp_message_id() -> None:
    keys = []
    for survey, answer in (("s-1", "q-1"), ("s-2", "q-1"), ("s-1", "q-2")):
        body = {"survey": survey, "answers": [{"q": answer, "a": "Fine."}]}
        config = MappingConfig(each="answers", text="a", id="q", message_id="survey")
        [found] = read(config, body).texts
        keys.append(found.source_id)
    assert None not in keys
    assert len(set(keys)) == 3
    [nameless] = read(MappingConfig(each="answers", text="a", id="q"), body).texts
    assert nameless.source_id is None


# JSON in a string -----------------------------------------------------------------------------


def notification(inner: object, **more: Any) -> dict[str, Any]:
    said = inner if isinstance(inner, str) else json.dumps(inner)
    return {"Type": "Notification", "MessageId": "n-1", "Message": said, **more}


SNS = MappingConfig(
    document="Message", when="$.Type == 'Notification' && $.Message", text="review.text",
    message_id="$.MessageId", carry={"type": "$.Type", "stars": "review.stars"},
)  # fmt: skip


def test_a_document_in_a_string_is_read() -> None:
    [found] = read(SNS, notification({"review": {"text": "Lovely.", "stars": 5}})).texts
    assert (found.content, found.subject) == ("Lovely.", "n-1")
    assert found.carried == {"type": "Notification", "stars": 5}
    with pytest.raises(Skip, match="when"):
        read(SNS, notification({"review": {"text": "Lovely."}}, Type="Other"))


def test_a_document_that_was_put_into_its_string_twice_is_read() -> None:
    twice = json.dumps(json.dumps({"review": {"text": "Lovely."}}))
    assert texts(SNS, notification(twice)) == ["Lovely."]


def test_a_document_that_is_no_string_is_read_as_it_is() -> None:
    body = notification({}) | {"Message": {"review": {"text": "Lovely."}}}
    assert texts(SNS, body) == ["Lovely."]


def test_a_string_that_holds_no_document_is_the_text() -> None:
    [found] = read(SNS, notification("just words")).texts
    assert (found.content, found.subject) == ("just words", "n-1")
    assert found.carried == {"type": "Notification"}
    config = MappingConfig(document="Message", when="review.text")
    assert refused(config, notification("just words")).code == "json"
    assert refused(config, {"Type": "Notification"}).code == "no-text-field"


def test_a_function_reads_json_in_one_field() -> None:
    config = MappingConfig(text="parse_json(payload).text", id="parse_json(payload).id")
    body = {"payload": json.dumps({"text": "good", "id": "p-1"})}
    [found] = read(config, body).texts
    assert (found.content, found.subject) == ("good", "p-1")
    assert texts(config, {"payload": {"text": "good"}}) == ["good"]
    assert refused(config, {"payload": "{broken"}).code == "json"
    assert refused(config, {}).code == "no-text-field"


def test_a_function_reads_base64() -> None:
    def pushed(data: str) -> dict[str, Any]:
        encoded = base64.b64encode(data.encode()).decode()
        return {"message": {"data": encoded, "messageId": "m-1"}, "subscription": "s"}

    document = MappingConfig(
        document="parse_base64(message.data)", message_id="$.message.messageId"
    )
    [found] = read(document, pushed('{"text": "good", "id": "p-1"}')).texts
    assert (found.content, found.subject) == ("good", "m-1")
    assert texts(document, pushed("Schön, danke.")) == ["Schön, danke."]
    assert refused(document, {"message": {"data": "!"}}).code == "encoding"
    assert refused(document, {"message": {}}).code == "no-text-field"


def test_a_function_reads_json_in_each_element() -> None:
    config = MappingConfig(each="rows[].parse_json(payload)", text="text")
    rows = [{"payload": json.dumps({"text": each})} for each in ("a", "b")]
    assert texts(config, {"rows": rows}) == ["a", "b"]


# Templates ------------------------------------------------------------------------------------

TICKET = MappingConfig(
    template="{subject}\n\n{comment.body}\nRated {rating} of 5, {join(', ', tags)}"
)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"subject": "Late", "comment": {"body": "Still."}, "rating": 1, "tags": ["a", "b"]},
            "Late\n\nStill.\nRated 1 of 5, a, b",
        ),
        ({"subject": "Late", "rating": 2.5, "tags": []}, "Late\n\nRated 2.5 of 5,"),
        ({"subject": "", "comment": {"body": "Still."}, "tags": []}, "Still."),
        ({"subject": "{comment.body}", "tags": []}, "{comment.body}"),
    ],
)
def test_fields_are_put_together_and_lines_without_any_left_out(body: object, text: str) -> None:
    assert texts(TICKET, body) == [text]


@pytest.mark.parametrize("body", [{}, {"subject": "", "body": None}])
def test_fields_that_are_all_empty_are_no_text(body: object) -> None:
    assert refused(MappingConfig(template="{subject}: {body}"), body).code == "no-text-field"


@pytest.mark.parametrize("value", [[], {"a": 1}, ["x"], True])
def test_a_field_that_is_no_word_is_refused(value: object) -> None:
    bad = refused(MappingConfig(template="{subject}: {body}"), {"subject": "x", "body": value})
    assert bad.code == "text-type"


def test_elements_are_put_together_of_their_own_fields() -> None:
    config = MappingConfig(each="reviews", template="{title}\n{body} {$.shop}")
    body = {"shop": "(S)", "reviews": [{"title": "A", "body": "b"}, {"stars": 1}, {"body": "c"}]}
    assert texts(config, body) == ["A\nb (S)", "c (S)"]


def test_a_template_is_cut_and_cleaned_like_any_text() -> None:
    config = MappingConfig(template="{subject}\n{body}", strip_html=True)
    [found] = read(config, {"subject": "1 < 2", "body": "<p>Hi <b>there</b></p>"}).texts
    assert found.content == "1 < 2\nHi there"
    [cut] = read(
        MappingConfig(template="{a}{a}"), {"a": "x" * 80}, limits={"max_text_chars": 100}
    ).texts
    assert (len(cut.content), cut.cut) == (100, True)


# The whole message ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$.shop", "S"),
        ("$.reviews[0].no", 1),
        ("join('$', [$.shop, to_string(no)])", "S$2"),
        ("{a: no, b: $.shop}", {"a": 2, "b": "S"}),
        ("$.reviews[?no != `1`].no | [0]", 2),
        ('"$"', "dollar"),
        ("length($)", 2),
    ],
)
def test_an_expression_sees_the_whole_message_from_within_an_element(
    expression: str, value: object
) -> None:
    body = {"shop": "S", "reviews": [{"no": 1}, {"no": 2, "t": "good", "$": "dollar"}]}
    config = MappingConfig(each="reviews", text="t", carry={"x": expression})
    [found] = read(config, body).texts
    assert found.carried == {"x": value}


@pytest.mark.parametrize("expression", ["a ~ b", "$.a ~ b", "$.a && $.b ~ c", "'$' ~ b"])
def test_a_mistake_is_found_at_its_place(expression: str) -> None:
    assert f"at character {expression.index('~') + 1}:" in fault_of(expression)


# Times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1_700_000_000, "1700000000000", "2023-11-14T22:13:20Z"])
def test_when_a_text_was_written_is_read_in_whatever_the_upstream_counts(value: object) -> None:
    [found] = read(MappingConfig(time="created"), {"text": "good", "created": value}).texts
    assert found.written == 1_700_000_000
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "time": str(value)}
    [found] = read(MappingConfig(), event | {"data": {"text": "good"}}).texts
    assert found.written == 1_700_000_000


def test_what_is_no_time_is_none() -> None:
    values: list[Any] = [None, True, "soon", {}, -1]
    for value in values:
        [found] = read(MappingConfig(time="created"), {"text": "good", "created": value}).texts
        assert found.written is None
