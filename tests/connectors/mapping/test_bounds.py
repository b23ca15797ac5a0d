"""One message costs a bounded amount of work, and asks for a bounded amount of events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.errors import BadInput
from connectors.mapping import Mapper, MappingConfig
from connectors.mapping.mapper import MAX_MAPPED_BYTES
from tests.connectors.mapping.reading import (
    BOUNDED_SECONDS,
    MAX_BODY,
    MAX_TEXT,
    read,
    refused,
    texts,
    within,
)
from tests.messages import delivery

TINY = b",".join([b"{}"] * 340_000)


# Work -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        MappingConfig(text="a[?b == 'c'].d"),
        MappingConfig(text="sort_by(a, &to_string(@))[].b"),
        MappingConfig(when="length(a[?b]) > `0`"),
        MappingConfig(text="a[*].b", id="a[*].[b, c, d]"),
        MappingConfig(each="a", text="b"),
        MappingConfig(carry={"x": "max_by(a, &length(@))"}),
        MappingConfig(text="map(&{a: b, c: d}, a)"),
    ],
)
def test_an_expression_over_too_many_elements_is_given_up(config: MappingConfig) -> None:
    assert refused(config, b'{"text": "x", "a": [%s]}' % TINY).code == "too-costly"


def test_a_separator_between_many_is_given_up_before_it_is_built() -> None:
    body = {"text": "x", "s": "s" * 400_000, "l": ["n"] * 50_000}
    for expression in ("join(s, l)", "length(join(s, l))", "l[].join($.s, $.l)"):
        assert (
            refused(MappingConfig(carry={"x": expression}), body | {"x": [1]}).code == "too-costly"
        )


@pytest.mark.parametrize(
    "config",
    [
        MappingConfig(each="l", text="t", carry={"x": "$.s"}),
        MappingConfig(each="l", text="t", carry={"x": "$"}),
        MappingConfig(each="l", text="t", id="$.s"),
        MappingConfig(each="l", text="t", carry={"x": "[$.s, $.half]"}),
        MappingConfig(each="l", template="{t} {$.s}"),
        MappingConfig(each="l", text="$.s", strip_html=True),
        MappingConfig(each="l", text="join('', [t, $.s])"),
    ],
)
@pytest.mark.parametrize("character", ["s", "\u00e4"])
def test_what_all_elements_share_is_not_worked_through_for_each(
    config: MappingConfig, character: str
) -> None:
    body = {"s": character * 400_000, "l": [{"t": "x"}] * 1000, "half": "\ud800"}
    mapper = Mapper(config, max_body_bytes=4 * MAX_BODY, max_text_chars=MAX_TEXT)
    message = delivery(json.dumps(body).encode())
    try:
        bad = mapper.read(message).bad
    except BadInput as reason:
        bad = reason
    assert bad
    assert bad.code in {"too-costly", "too-large"}


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("l[?$.a == $.b]", {"l": [1] * 20_000, "a": [[1]] * 40_000, "b": [[1]] * 40_000}),
        ("l[?$.a != $.b]", {"l": [1] * 20_000, "a": {"x": [[1]] * 40_000}, "b": {"x": 1}}),
        ("l[?contains($.a, $.b)]", {"l": [1] * 2000, "a": [[[1]] * 9000] * 9, "b": [[1]] * 8999}),
        ("l[*].$.a[]", {"l": [1] * 9000, "a": ["x"] * 100_000}),
    ],
)
def test_values_that_every_element_looks_into_are_charged_each_time(
    text: str, body: dict[str, Any]
) -> None:
    found: list[BadInput] = []
    within(BOUNDED_SECONDS, lambda: found.append(refused(MappingConfig(text=text), body)))
    assert found[0].code == "too-costly"


def test_the_same_message_again_turns_out_the_same() -> None:
    mapper = Mapper(MappingConfig(text="a[].b"), max_body_bytes=MAX_BODY, max_text_chars=MAX_TEXT)
    small = delivery(json.dumps({"a": [{"b": "good"}]}).encode())
    costly = delivery(b'{"a": [%s]}' % TINY)
    for _ in range(3):
        assert [each.content for each in mapper.read(small).texts] == ["good"]
        with pytest.raises(Exception, match="too-costly"):
            mapper.read(costly)


def test_a_message_within_reason_is_no_hardship() -> None:
    answers = [{"id": n, "type": "free-text", "value": "x" * 900} for n in range(1000)]
    config = MappingConfig(
        text="answers[?type=='free-text'].value", id="answers[?type=='free-text'].id",
        carry={"nps": "answers[?type=='nps'].value | [0]", "count": "length(answers)"},
    )  # fmt: skip
    found = read(config, {"answers": answers})
    assert (len(found.texts), found.bad) == (1000, None)


# Events ---------------------------------------------------------------------------------------


def test_a_list_of_blank_texts_carries_no_more_than_the_bound() -> None:
    body = {"text": [" "] * 1000, "x": "x" * 8000}
    bad = refused(MappingConfig(carry={"x": "x"}), body)
    assert (bad.code, bad.indexes) == ("too-large", ())
    assert "daemon.max_mapped_bytes" in bad.detail
    fits = MAX_MAPPED_BYTES // 9000
    assert len(texts(MappingConfig(carry={"x": "x"}), body | {"text": [" "] * fits})) == fits
    raised = {"max_mapped_bytes": 100_000_000}
    assert len(texts(MappingConfig(carry={"x": "x"}), body, limits=raised)) == 1000


@pytest.mark.parametrize(
    "config",
    [
        MappingConfig(each="text", text="@", carry={"x": "$.x"}),
        MappingConfig(each="text", text="@", carry={"x": "[$.x, @]"}),
        MappingConfig(text="[*].t", each=""),
    ],
)
def test_elements_and_batches_carry_no_more_either(config: MappingConfig) -> None:
    body: Any = {"text": [" "] * 1000, "x": "x" * 8000}
    if not config.each:
        event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
        body = [event | {"data": {"text": ["good"] * 20, "x": "x" * 7000}} for _ in range(49)]
        config = MappingConfig(carry={"x": "x"})
    assert refused(config, body).code == "too-large"


def test_headers_that_travel_with_each_event_count() -> None:
    headers = {"room": "r" * 10_000}
    body = {"text": ["good"] * 1000}
    assert refused(MappingConfig(headers=("room",)), body, headers=headers).code == "too-large"
    assert len(texts(MappingConfig(), body, headers=headers)) == 1000


@pytest.mark.parametrize("size", [MAX_BODY + 1, 64 * MAX_BODY])
def test_a_body_far_over_the_bound_is_refused_unread(size: int) -> None:
    bad = refused(MappingConfig(), b" " * size)
    assert (bad.code, bad.detail) == ("too-large", f"{size} bytes")


def test_headers_nested_too_deep_are_refused() -> None:
    nested: Any = "x"
    for _ in range(5000):
        nested = [nested]
    assert refused(MappingConfig(), {"text": "good"}, headers={"deep": nested}).code == "headers"


# Cleaning -------------------------------------------------------------------------------------

MAIL = MappingConfig(text="mails", strip_html=True, strip_quotes=True, strip_signature=True)
QUOTES = "> a\n" * 5000


@pytest.mark.parametrize("mail", [QUOTES, "<p>" * 6000, "x\n" * 8000, "<t><frameset>" * 1000])
def test_many_costly_texts_are_read_as_far_as_the_steps_go(mail: str) -> None:
    count = 40
    found = read(MAIL, {"mails": [f"{n} {mail}" for n in range(count)]}, message_id="m-1")
    assert found.texts
    assert found.bad
    assert found.bad.code == "too-costly"
    assert sorted([*(each.index for each in found.texts), *found.bad.indexes]) == [*range(count)]


def test_replays_of_the_texts_that_were_left_read_all_of_them() -> None:
    mails = {"mails": [f"{n} good\n{QUOTES}" for n in range(20)]}
    seen: set[int] = set()
    wanted = ""
    while len(seen) < 20:
        replay: dict[str, Any] = {"exchange": "", "headers": {"tonebus-texts": wanted}}
        found = read(MAIL, mails, message_id="m-1", **replay)
        new = {each.index for each in found.texts}
        assert new
        assert not new & seen
        seen |= new
        wanted = ",".join(map(str, found.bad.indexes if found.bad else ()))
    assert not wanted


def test_a_single_costly_text_is_cut_not_parked() -> None:
    body = {"text": "good\n" + "x\n" * 200_000}
    [found] = read(MappingConfig(strip_quotes=True), body).texts
    assert found.cut
    assert found.content.startswith("good")
