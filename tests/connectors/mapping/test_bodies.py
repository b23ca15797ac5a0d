"""Whatever arrives becomes texts, or a reason why not; nothing ends the process."""

from __future__ import annotations

import json
import pickle
import zlib
from typing import Any

import kombu.serialization
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mapping import MappingConfig
from tests.connectors.mapping.reading import (
    MAX_BODY,
    outcome,
    reason,
    refused,
    text_of,
    within,
)
from tests.messages import delivery

# What is not read -----------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["application/x-gzip", "application/x-bz2", "no-such", 7, None])
def test_a_compressed_body_is_parked_and_never_inflated(value: object) -> None:
    bomb = zlib.compress(b'{"text": "' + b"a" * 10_000_000 + b'"}')
    found = reason(delivery(bomb, headers={"compression": value}))
    assert found.code == "encoding"
    assert "compression" in found.detail


@pytest.mark.parametrize(
    "encoding", ["zlib", "gzip", "hex", "base64", "utf-16", "latin-1", "x" * 9]
)
def test_an_encoding_other_than_utf8_is_parked(encoding: str) -> None:
    assert reason(delivery(b'{"text": "good"}', content_encoding=encoding)).code == "encoding"
    charset = f"application/json; charset={encoding}"
    assert reason(delivery(b'{"text": "good"}', content_type=charset)).code == "encoding"


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-python-serialize",
        "application/x-yaml",
        "application/x-msgpack",
        "application/octet-stream",
        "application/xml",
        "text/html",
        "json",
    ],
)
@pytest.mark.parametrize("body", [pickle.dumps("text"), b"<p>good</p>", b"text: good", b"\x81"])
def test_what_is_neither_json_nor_text_is_parked(kind: str, body: bytes) -> None:
    assert reason(delivery(body, content_type=kind)).code == "content-type"


@pytest.mark.parametrize("kind", ["x-python-serialize", "x-yaml", "yaml", "vnd.msgpack"])
def test_what_is_called_another_serialization_is_parked_whatever_it_looks_like(kind: str) -> None:
    body = b'{"text": "good"}'
    assert reason(delivery(body, content_type=f"application/{kind}")).code == "content-type"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json; charset=us-ascii",
        "application/vnd.example+json",
        "application/cloudevents+json; charset=UTF-8",
        "",
        None,
    ],
)
def test_json_is_accepted_under_each_of_its_names(kind: str | None) -> None:
    assert text_of(b'{"text": "good"}', content_type=kind) == "good"


def test_plain_text_is_accepted_as_it_is() -> None:
    for text in ("good", "12", "true", '"quoted"', "[1]", "[]", "{sic", "[sad]", "[[1]]", '["a"]'):
        assert text_of(text.encode(), content_type="text/plain; charset=utf-8") == text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"text": "good"}\n{"text": "bad"}\n', "json"),
        (b'[{"text": "good"}] [{"text": "bad"}]', ""),
        (b'{"text": "the end is miss', "json"),
        (b'[{"text": "the end is miss', "json"),
        (b'\xef\xbb\xbf{"text": "good",}', "json"),
        (b'<?xml version="1.0"?><text>good</text>', "content-type"),
        ("good".encode("utf-16-le"), "encoding"),
        ("gut \u2013 sehr".encode("utf-16-be"), "encoding"),
        (b'{"error": 42} is all that it says.', ""),
        (b'{sic} "text": good', ""),
        (b"a\0b", ""),
    ],
)
def test_no_document_is_taken_for_the_words_of_a_writer(body: bytes, code: str) -> None:
    assert outcome(body, content_type="text/plain") == code
    wrapped = json.dumps({"payload": body.decode(errors="replace")}).encode()
    assert outcome(wrapped, MappingConfig(document="payload")) == code.replace("encoding", "")


@pytest.mark.parametrize("times", [1, 2])
def test_a_byte_order_mark_within_json_is_stripped(times: int) -> None:
    body = '{"text": "good"}'
    for _ in range(times):
        body = json.dumps("\ufeff" + body)
    assert text_of(body.encode()) == "good"


def test_without_a_content_type_the_body_is_json() -> None:
    assert text_of(b'{"text": "good"}') == "good"
    assert reason(delivery(b"just words")).code == "json"


@pytest.mark.parametrize(
    "headers",
    [
        {f"header-{n}": "v" for n in range(1000)},
        {"huge": "v" * 100_000},
        {"n" * 20_000: "v"},
        {"table": {"inner": ["v" * 50_000]}},
    ],
)
def test_many_or_huge_headers_are_parked(headers: dict[str, Any]) -> None:
    assert reason(delivery(b'{"text": "good"}', headers=headers)).code == "headers"


def test_a_large_body_is_parked_unread() -> None:
    assert reason(delivery(b"[" * (MAX_BODY + 1))).code == "too-large"
    exactly = b'{"text": "good", "x": "' + b"x" * (MAX_BODY - 25) + b'"}'
    assert len(exactly) == MAX_BODY
    assert text_of(exactly) == "good"


def test_an_empty_body_is_parked() -> None:
    assert reason(delivery(b"")).code == "empty"
    assert reason(delivery(b"", content_type="text/plain")).code == "empty"


def test_a_byte_order_mark_is_stripped() -> None:
    assert text_of(b'\xef\xbb\xbf{"text": "good"}') == "good"
    assert text_of(b"\xef\xbb\xbfgood", content_type="text/plain") == "good"


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
@pytest.mark.parametrize("body", [b'{"text": "\xff"}', b"\xc3(", b"\xed\xa0\x80", b"\xf0\x9f"])
def test_invalid_utf8_is_parked(body: bytes, kind: str) -> None:
    assert reason(delivery(body, content_type=kind)).code == "encoding"


# JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"text": "good"',
        b"{'text': 'good'}",
        b'{"text": "good"} x',
        b"\0",
    ],
)
def test_broken_json_is_parked(body: bytes) -> None:
    assert reason(delivery(body)).code == "json"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"text": "good", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["open", "lists", "objects", "unused"],
)
def test_deeply_nested_json_is_parked(body: bytes) -> None:
    assert reason(delivery(body)).code == "json"


def test_two_million_tiny_objects_take_bounded_time() -> None:
    body = b'{"text": [' + b",".join([b"{}"] * 2_000_000) + b"]}"
    within(1, lambda: reason(delivery(body)))
    assert reason(delivery(body)).code == "too-large"
    raised = reason(delivery(body), max_body=len(body))
    assert raised.code == "too-large"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000])
def test_a_number_that_is_none_is_parked_where_the_text_should_be(number: bytes) -> None:
    assert reason(delivery(b'{"text": %s}' % number)).code in {"json", "text-type"}


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_not_json_is_parked_wherever_it_stands(constant: bytes) -> None:
    assert reason(delivery(b'{"text": "good", "x": %s}' % constant)).code == "json"


def test_of_duplicate_keys_the_last_wins() -> None:
    assert text_of(b'{"text": "first", "text": "last"}') == "last"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\t", "\x0b", "\x00"])
def test_a_raw_line_break_in_a_string_is_read(end: str) -> None:
    assert text_of(f'{{"text": "one{end}two"}}'.encode()) == f"one{end}two"


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("label", ["application/json", "text/plain", None])
def test_a_body_that_was_put_into_json_more_than_once_is_read(label: str, times: int) -> None:
    body = json.dumps({"text": "good"})
    for _ in range(times):
        body = json.dumps(body)
    assert text_of(body.encode(), content_type=label) == "good"


def test_a_text_that_kombu_put_into_json_is_a_text() -> None:
    kind, charset, body = kombu.serialization.dumps("Good day", serializer="json")
    labels = {"content_type": kind, "content_encoding": charset}
    assert text_of(body.encode(), **labels) == "Good day"
    assert refused(MappingConfig(when="public"), body.encode()).code == "json"


def test_kombus_type_hooks_are_plain_data() -> None:
    hooked = b'{"__type__": "decimal", "__value__": "1"}'
    assert text_of(b'{"text": "good", "x": %s}' % hooked) == "good"
    assert reason(delivery(b'{"text": %s}' % hooked)).code == "text-type"


@pytest.mark.parametrize("body", [b"{}", b'{"text": null}', b'{"Text": "good"}', b'{"id": 1}'])
def test_a_missing_text_is_parked(body: bytes) -> None:
    assert reason(delivery(body)).code == "no-text-field"


@pytest.mark.parametrize("body", [b"1", b"null", b"[]", b'[{"text": "good"}]', b"true"])
def test_json_that_is_no_object_is_parked(body: bytes) -> None:
    assert reason(delivery(body)).code == "no-text-field"


@pytest.mark.parametrize("value", [1, 1.5, True, False, {}, {"text": "x"}])
def test_a_text_that_is_no_string_is_parked(value: object) -> None:
    assert reason(delivery(json.dumps({"text": value}).encode())).code == "text-type"


@given(st.binary(max_size=200))
def test_any_body_is_read_or_parked(body: bytes) -> None:
    assert outcome(body) in {"", "empty", "encoding", "json", "no-text-field", "text-type"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_read_or_parked(value: object) -> None:
    body = json.dumps({"text": value}).encode()
    assert outcome(body) in {"", "json", "no-text-field", "text-type"}


def test_no_reason_quotes_the_body() -> None:
    canary = "canary4711"
    for body in (f'{{"text": "{canary}', f'{{"x": "{canary}"}}', f'["{canary}"]', canary):
        bad = reason(delivery(body.encode()))
        assert canary not in f"{bad} {bad.detail} {bad.code}"
