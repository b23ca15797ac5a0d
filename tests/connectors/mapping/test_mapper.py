"""A connector's config decides what of a message is scored, and what travels on."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from connectors.errors import BadInput, Skip
from connectors.mapping import Mapped, Mapper, MappingConfig
from connectors.mapping.expressions import fault_of
from connectors.mapping.finding import MAX_TEXTS
from tests.messages import delivery

HELPDESK = MappingConfig(
    text="comment.body",
    id="comment.id",
    carry={"ticket": "ticket.id", "tags": "ticket.tags"},
    when="comment.public && ticket.status != 'spam'",
    language="ticket.locale",
)
TICKET: dict[str, Any] = {
    "ticket": {"id": 4711, "status": "open", "tags": ["a", "b"], "locale": "en-GB"},
    "comment": {"id": "c-1", "body": "Still broken.", "public": True},
}
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def read(config: MappingConfig, body: object, **more: Any) -> Mapped:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    mapper = Mapper(config, max_body_bytes=1024 * 1024, max_text_chars=20_000)
    return mapper.read(delivery(raw, **more))


def refused(config: MappingConfig, body: object, **more: Any) -> BadInput:
    with pytest.raises(BadInput) as bad:
        read(config, body, **more)
    return bad.value


def texts(mapped: Mapped) -> list[str]:
    return [each.content for each in mapped.texts]


def test_text_id_language_and_carried_fields_are_found_where_the_config_says() -> None:
    [found] = read(HELPDESK, TICKET).texts
    assert (found.content, found.subject, found.language) == ("Still broken.", "c-1", "en-GB")
    assert found.carried == {"ticket": 4711, "tags": ["a", "b"]}


def test_a_message_for_which_the_condition_does_not_hold_is_skipped() -> None:
    hidden = TICKET | {"comment": TICKET["comment"] | {"public": False}}
    with pytest.raises(Skip, match="when"):
        read(HELPDESK, hidden)


def test_a_list_gives_one_text_for_each_text() -> None:
    config = MappingConfig(text="answers[].text", id="survey")
    found = read(config, {"survey": "s1", "answers": [{"text": "good"}, {"text": "bad"}]})
    assert [(each.content, each.subject, each.index) for each in found.texts] == [
        ("good", "s1", 0),
        ("bad", "s1", 1),
    ]


def test_a_list_of_ids_names_each_text() -> None:
    config = MappingConfig(text="answers[].text", id="answers[].id")
    answers = [{"id": 1, "text": "good"}, {"id": 2, "text": "bad"}]
    found = read(config, {"answers": answers})
    assert [each.subject for each in found.texts] == ["1", "2"]
    assert refused(config, {"answers": [*answers, {"id": 3}]}).code == "mapping"


def test_texts_that_cannot_be_read_are_named_and_the_others_are_kept() -> None:
    found = read(MappingConfig(), {"text": ["good", None, "bad", 7], "id": "m"})
    assert [(each.content, each.index) for each in found.texts] == [("good", 0), ("bad", 2)]
    assert found.bad
    assert (found.bad.code, found.bad.indexes) == ("no-text-field", (1, 3))
    assert "text 1, 3" in found.bad.detail


@pytest.mark.parametrize("asked", ["99", "0,99", "9" * 5000, "1000000000,2"])
def test_a_position_that_does_not_exist_is_parked_and_the_others_are_read(asked: str) -> None:
    found = read(
        MappingConfig(), {"text": ["good", "bad"]}, exchange="", headers={"tonebus-texts": asked}
    )
    assert texts(found) == (["good"] if asked.startswith("0,") else [])
    assert found.bad
    assert found.bad.code == "position"
    assert all(index >= 2 for index in found.bad.indexes)


def test_a_replay_of_a_list_that_now_has_one_text_is_never_left_without_an_outcome() -> None:
    replay = {"exchange": "", "headers": {"tonebus-texts": "3"}}
    assert refused(MappingConfig(), {"text": "good"}, **replay).code == "position"
    replay = {"exchange": "", "headers": {"tonebus-texts": "0"}}
    assert texts(read(MappingConfig(), {"text": "good"}, **replay)) == ["good"]


@pytest.mark.parametrize("asked", ["", "x", "-1", "1.5", None, 7, ["0"], {"a": 1}])
def test_positions_that_are_none_ask_for_the_whole_message(asked: object) -> None:
    replay: dict[str, Any] = {"exchange": "", "headers": {"tonebus-texts": asked}}
    assert texts(read(MappingConfig(), {"text": ["good", "bad"]}, **replay)) == ["good", "bad"]


@pytest.mark.parametrize("number", ["1e999", "-1e999"])
@pytest.mark.parametrize("expression", ["floor(x)", "ceil(x)", "to_string(floor(x))"])
def test_arithmetic_that_has_no_result_parks_the_message(expression: str, number: str) -> None:
    body = b'{"text": "good", "x": %s}' % number.encode()
    for config in (
        MappingConfig(text=expression), MappingConfig(id=expression),
        MappingConfig(when=expression), MappingConfig(language=expression),
        MappingConfig(carry={"x": expression}),
    ):  # fmt: skip
        bad = refused(config, body)
        assert bad.code == "mapping"
        assert bad.detail.endswith("OverflowError")


def test_whatever_a_library_raises_parks_the_message_with_the_name_of_its_class() -> None:
    class Broken(dict[str, Any]):
        def get(self, *_: object) -> object:
            raise ZeroDivisionError("canary4711")

    message = delivery(b'{"text": "good"}')
    message.properties = Broken()
    with pytest.raises(BadInput) as bad:
        Mapper(max_body_bytes=1000, max_text_chars=1000).read(message)
    assert (bad.value.code, bad.value.detail) == ("mapping", "ZeroDivisionError")


def test_a_list_may_not_make_more_events_than_the_bound() -> None:
    assert refused(MappingConfig(), {"text": ["a"] * (MAX_TEXTS + 1)}).code == "too-large"
    assert len(read(MappingConfig(), {"text": ["a"] * MAX_TEXTS}).texts) == MAX_TEXTS


def test_an_empty_list_asks_for_no_event() -> None:
    with pytest.raises(Skip, match="no-texts"):
        read(MappingConfig(), {"text": []})


def test_the_root_may_be_a_list() -> None:
    assert texts(read(MappingConfig(text="[].text", id=""), [{"text": "a"}, {"text": "b"}])) == [
        "a",
        "b",
    ]


def test_an_expression_that_fails_on_a_message_parks_it_without_quoting_it() -> None:
    bad = refused(MappingConfig(text="length(x)"), {"x": 4711})
    assert bad.code == "mapping"
    assert "4711" not in str(bad)


@pytest.mark.parametrize("value", ["\ud800", 2**70, 1e300, {"a": ["\udfff"]}])
def test_whatever_is_carried_can_be_published(value: object) -> None:
    [found] = read(MappingConfig(carry={"x": "x"}), {"text": "good", "x": value}).texts
    json.dumps(found.carried).encode()
    assert found.content == "good"


def test_carried_fields_are_bounded() -> None:
    assert (
        refused(MappingConfig(carry={"x": "x"}), {"text": "a", "x": "b" * 10_000}).code == "carry"
    )


def test_what_is_no_language_is_not_passed_on() -> None:
    for value in (7, "", "x" * 36, "日本語", None):
        [found] = read(MappingConfig(language="lang"), {"text": "a", "lang": value}).texts
        assert found.language is None


# Formats --------------------------------------------------------------------------------------

EVENT = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "review"}


def test_a_config_reads_the_data_of_a_cloud_event() -> None:
    config = MappingConfig(format="cloudevents", text="body", carry={"stars": "stars"})
    event = EVENT | {"data": {"body": "nice", "stars": 4}, "traceparent": TRACE}
    [found] = read(config, event, content_type="application/cloudevents+json").texts
    assert (found.content, found.subject, found.carried) == ("nice", "/shop#e-1", {"stars": 4})
    assert found.traceparent == TRACE


@pytest.mark.parametrize("prefix", ["ce-", "cloudEvents:", "cloudEvents_"])
def test_a_cloud_event_in_binary_mode_is_read_by_any_of_its_prefixes(prefix: str) -> None:
    headers = {prefix + name: value for name, value in EVENT.items()}
    config = MappingConfig(format="cloudevents")
    [found] = read(config, b"nice", headers=headers, content_type="text/plain").texts
    assert (found.content, found.subject) == ("nice", "/shop#e-1")


def test_a_connector_for_cloud_events_takes_nothing_else() -> None:
    config = MappingConfig(format="cloudevents")
    assert refused(config, {"text": "nice"}).code == "cloudevent"
    lame = {"specversion": "1.0", "data": "x"}
    assert refused(config, lame).detail == "not a CloudEvent: no id, source, type"
    assert refused(config, EVENT | {"data_base64": "AA=="}).code == "cloudevent"


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/plain; charset=utf-8"])
def test_the_format_text_takes_the_whole_body(content_type: str) -> None:
    config = MappingConfig(format="text")
    [found] = read(config, b'{"text": "x"}', content_type=content_type, message_id="m").texts
    assert (found.content, found.subject) == ('{"text": "x"}', "m")
    assert refused(config, b"{}", content_type="application/json").code == "content-type"


# Expressions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("a[", "at character"),
        ("a.b.", "at character"),
        ("lenght(a)", "no function is named 'lenght'"),
        ("[?contains(a)].b", "contains() takes 2 arguments, not 1"),
        ("a ~ b", "at character"),
    ],
)
def test_a_bad_expression_is_told_before_any_message_comes(expression: str, said: str) -> None:
    assert said in fault_of(expression)
    with pytest.raises(ValueError, match="text = "):
        Mapper(MappingConfig(text=expression), max_body_bytes=1, max_text_chars=1)


@pytest.mark.parametrize("expression", ["a", "a.b", "a[].b", "map(&text, x)", "not_null(a, b, c)"])
def test_a_good_expression_has_no_fault(expression: str) -> None:
    assert fault_of(expression) == ""


# Cleaning -------------------------------------------------------------------------------------

MAIL = """Still broken, please help.

- tried this
- tried that

Best regards,
Ann Lee

On Mon, 3 Jun 2024 at 10:11, Support <s@example.org> wrote:
> Have you tried turning it off?
"""
EMAIL = MappingConfig(format="text", strip_html=True, strip_quotes=True, strip_signature=True)


def test_quotes_and_signature_of_a_mail_are_left_out() -> None:
    config = MappingConfig(format="text", strip_quotes=True, strip_signature=True)
    assert texts(read(config, MAIL.encode())) == [
        "Still broken, please help.\n\n- tried this\n- tried that"
    ]


def test_quotes_alone_leave_the_signature() -> None:
    [text] = texts(read(MappingConfig(format="text", strip_quotes=True), MAIL.encode()))
    assert text.endswith("Best regards,\nAnn Lee")


def test_html_becomes_what_a_reader_sees() -> None:
    html = (
        "<html><head><style>p{}</style><title>no</title></head><body><p>Hi <b>there</b>,</p>"
        "<script>no()</script>one&nbsp;&amp; two<br>three<blockquote>no</blockquote></body></html>"
    )
    assert texts(read(EMAIL, html.encode())) == ["Hi there,\n\none & two\nthree"]


def test_a_text_without_html_is_kept() -> None:
    config = MappingConfig(format="text", strip_html=True)
    assert texts(read(config, b"3 < 4 & 5 > 4")) == ["3 < 4 & 5 > 4"]


@pytest.mark.parametrize(
    "body",
    [
        "<div>" * 200_000, "<" * 1_000_000, '<a x="' * 150_000, "<!--" * 200_000,
        "On " + "a " * 10_000, "On a\n" * 4000, "\n" * 20_000, "> " * 10_000, ">\n" * 10_000,
        ("Warning:" + "\u200b" * 150 + "\n") * 120, "From: a\n" * 2500, "-- \n" * 6000,
    ],
    ids=lambda body: repr(body[:6]),
)  # fmt: skip
def test_cleaning_takes_bounded_time_whatever_it_is_given(body: str) -> None:
    begun = time.monotonic()
    read(EMAIL, body.encode())
    # generous, for the machine may be busy; what this catches takes minutes
    assert time.monotonic() - begun < 10
