"""A value of an AMQP 1.0 publisher, which RabbitMQ hands over encoded, is read all the same."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mapping import MappingConfig
from connectors.mapping.amqp_value import decode
from connectors.mapping.bounds import Work
from tests.connectors.mapping.reading import outcome, read, refused, texts

VALUE, SEQUENCE, DATA = b"\x00\x53\x77", b"\x00\x53\x76", b"\x00\x53\x75"
LONG_VALUE = b"\x00\x80" + struct.pack(">Q", 0x77)


def string(text: str) -> bytes:
    raw = text.encode()
    short = b"\xa1" + bytes([len(raw)]) if len(raw) < 256 else b"\xb1" + struct.pack(">I", len(raw))
    return short + raw


def binary(raw: bytes) -> bytes:
    return b"\xb0" + struct.pack(">I", len(raw)) + raw


def compound(code: int, items: list[bytes]) -> bytes:
    inside = b"".join(items)
    if len(inside) < 255 and len(items) < 256:
        return bytes([code, len(inside) + 1, len(items)]) + inside
    return bytes([code + 0x10]) + struct.pack(">II", len(inside) + 4, len(items)) + inside


def encoded(value: Any) -> bytes:
    """Encode as a client of AMQP 1.0 would."""
    match value:
        case None | bool():
            return {None: b"\x40", True: b"\x41", False: b"\x42"}[value]
        case int():
            return b"\x81" + struct.pack(">q", value)
        case float():
            return b"\x82" + struct.pack(">d", value)
        case str():
            return string(value)
        case list():
            return compound(0xC0, [encoded(each) for each in value])
        case _:
            pairs = [part for key, each in value.items() for part in (string(key), encoded(each))]
            return compound(0xC1, pairs)


def sent(body: bytes, **more: Any) -> list[str]:
    return texts(MappingConfig(), body, type="amqp-1.0", **more)


@pytest.mark.parametrize("section", [VALUE, LONG_VALUE])
@pytest.mark.parametrize("label", [None, "application/json", "application/octet-stream"])
def test_json_in_a_string_or_a_binary_is_read(section: bytes, label: str | None) -> None:
    body = '{"text": "good", "id": "m-1", "x": "%s"}' % ("x" * 300)
    assert sent(section + string(body), content_type=label) == ["good"]
    assert sent(section + binary(body.encode()), content_type=label) == ["good"]
    assert sent(DATA + binary(body[:9].encode()) + DATA + binary(body[9:].encode())) == ["good"]


def test_a_text_in_a_string_is_read_unless_it_is_called_json() -> None:
    assert sent(VALUE + string("grüße"), content_type="text/plain") == ["grüße"]
    assert sent(VALUE + string("grüße")) == ["grüße"]
    bad = refused(
        MappingConfig(), VALUE + string("grüße"), type="amqp-1.0", content_type="application/json"
    )
    assert bad.code == "json"
    assert texts(MappingConfig(format="text"), VALUE + string("good"), type="amqp-1.0") == ["good"]


def test_a_map_is_a_document() -> None:
    body = {"id": 7, "comment": {"body": "good", "stars": 4.5, "public": True}, "tags": ["a", None]}
    config = MappingConfig(
        text="comment.body", carry={"c": "comment.stars", "t": "tags"}, when="comment.public"
    )
    [found] = read(config, VALUE + encoded(body), type="amqp-1.0").texts
    assert (found.content, found.subject) == ("good", "7")
    assert found.carried == {"c": 4.5, "t": ["a", None]}


def test_a_sequence_is_a_list() -> None:
    body = SEQUENCE + encoded([{"text": "a"}]) + SEQUENCE + encoded([{"text": "b"}])
    assert texts(MappingConfig(text="[].text", id=""), body, type="amqp-1.0") == ["a", "b"]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"\x43", 0), (b"\x44", 0), (b"\x45", []), (b"\x50\xff", 255), (b"\x51\xff", -1),
        (b"\x52\x07", 7), (b"\x53\x07", 7), (b"\x54\xff", -1), (b"\x55\x80", -128),
        (b"\x56\x01", True), (b"\x60\x01\x00", 256), (b"\x61\xff\xff", -1), (b"\x70\0\0\1\0", 256),
        (b"\x71\xff\xff\xff\xff", -1),
        (b"\x72\x3f\x80\0\0", 1.0), (b"\x83" + struct.pack(">q", 1_700_000_000_000), 1.7e12),
        (b"\x98" + bytes(16), "00000000-0000-0000-0000-000000000000"), (b"\xa3\x02ab", "ab"),
        (b"\xe0\x05\x02\xa1\x01a\x01b", ["a", "b"]), (b"\x00\x53\x01\x41", True),
        (b"\xc0\x03\x01\xa0\x00", [""]),
    ],
)  # fmt: skip
def test_every_type_that_a_document_can_hold_is_read(raw: bytes, value: object) -> None:
    assert decode(VALUE + raw, work(1000)) == value


def work(steps: int) -> Work:
    given_ = Work()
    given_.begin(steps)
    return given_


@pytest.mark.parametrize(
    "body",
    [
        b"\x00", b"\x00\x53", VALUE, VALUE + b"\xa1\x05ab", VALUE + b"\xb1\xff\xff\xff\xff",
        b"\x00\x53\x99\x40", VALUE + b"\x74\0\0\0\0", b"\x00\xa1\x01a\x40", DATA + b"\x41",
        VALUE + b"\x00" * 5000, VALUE + b"\xc0\x01" * 5000, VALUE + b"\xa1\x01\xff",
        VALUE + b"\xd0\x00\x00\x00\xff\xff\xff\xff\xff",
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_what_is_no_value_is_parked(body: bytes) -> None:
    assert refused(MappingConfig(), body, type="amqp-1.0").code == "encoding"


def test_an_array_of_nothing_four_billion_times_is_given_up() -> None:
    body = VALUE + b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"
    assert refused(MappingConfig(), body, type="amqp-1.0").code == "too-costly"


def test_a_body_that_only_says_so_is_read_as_it_is() -> None:
    assert sent(b'{"text": "good"}') == ["good"]
    assert refused(MappingConfig(), VALUE + string('{"text": "good"}')).code == "encoding"


@given(st.binary(max_size=100))
def test_any_bytes_are_a_value_or_a_reason(body: bytes) -> None:
    for section in (b"", VALUE, SEQUENCE, DATA):
        assert outcome(section + body, type="amqp-1.0") != "mapping"


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
)  # fmt: skip


@given(documents)
def test_what_was_encoded_is_what_is_decoded(value: object) -> None:
    assert decode(VALUE + encoded(value), work(10_000)) == value
