"""Whatever strangers send is read, skipped or parked with a reason of ours: no other way out.

The reasons count: a detail without the setting it is about comes from the net that catches what
nobody thought of, and is a fault of this code.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import BadInput, Skip
from connectors.events import event as envelope
from connectors.mapping import Mapped, Mapper, MappingConfig, written
from connectors.mapping.bounds import Work
from connectors.mapping.expressions import Interpreter, compile_expression, fault_of
from connectors.mapping.hints import doubts, meant
from tests.fuzzing import fuzzed
from tests.messages import delivery

if TYPE_CHECKING:
    from collections.abc import Callable

CANARY = "canary4711"
MAX_TEXT = 500
CONFIGS = [
    MappingConfig(),
    MappingConfig(format="text"),
    MappingConfig(format="cloudevents", carry={"all": "@"}),
    MappingConfig(format="text", strip_html=True, strip_quotes=True, strip_signature=True),
    MappingConfig(strip_html=True, carry={"x": "x", "all": "$"}, language="id", time="time"),
    MappingConfig(when="x && id != 'b'", text="text[]", id="text[].id"),
    MappingConfig(each="text", text="text", id="id", message_id="$.id", carry={"x": "$.x"}),
    MappingConfig(each="x[]", template="{text}\n{data.text}: {$.id}", time="$.time"),
    MappingConfig(document="data", text="text", when="$.x"),
    MappingConfig(text="parse_json(data).text", id="to_string(x)"),
    MappingConfig(text="join(' ', x)", id="floor(x)", when="length(@) > `0`"),
    MappingConfig(
        text="sort_by(x, &id)[].text", carry={"m": "max_by(x, &id)", "t": "to_number(text)"}
    ),
    MappingConfig(content_types=("*",), content_encodings=("*",), headers=("x",)),
]
NAMES = st.sampled_from([
    "text", "id", "x", "data", "time", "specversion", "source", "type", "data_base64",
    "datacontenttype", "traceparent", "", "\ud800", CANARY,
])  # fmt: skip
WORDS = st.text(max_size=30) | st.sampled_from([
    CANARY, "", " ", "\ud800", "\0", "1.0", "sentiment.labelled.v1", "/tonebus/x", "text/plain",
    '{"text": "x"}', "[{}]", "1e999", "<p>x", "> x\n", "-- \n", "e30=", "9" * 400,
])  # fmt: skip
NUMBERS = st.integers() | st.floats() | st.sampled_from([2**64, -(2**63), 10**30, 1e308, 10**4000])
LEAVES = st.none() | st.booleans() | NUMBERS | WORDS
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
TABLES = st.dictionaries(
    st.sampled_from([
        "x", "ce-id", "ce-source", "ce-specversion", "cloudEvents:type", "CE_time", "traceparent",
        "compression", "tonebus-texts", "tonebus-exchange", "tonebus-replays", "x-delivery-count",
    ]),
    LEAVES
    | st.binary(max_size=20)
    | st.datetimes()
    | st.decimals()
    | st.sampled_from(["0", "1,0", "99", "9" * 30, [["x"]], {"a": {"b": 1}}]),
    max_size=5,
)  # fmt: skip
LABELS = st.sampled_from([
    None, "application/json", "text/plain; charset=utf-8", "application/octet-stream",
    "a/b; charset=x", "application/cloudevents-batch+json", "text/html", "message/rfc822", ";;=;",
    "\u0130/x; CHARSET='",
])  # fmt: skip
# a label may be quoted, for it is no part of a text
OTHER = WORDS.filter(lambda word: word != CANARY)
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "content_type": LABELS | OTHER,
        "content_encoding": st.sampled_from(["utf8", "gzip", "identity", ""]) | OTHER,
        "type": st.sampled_from(["amqp-1.0", ""]),
        "message_id": WORDS,
        "correlation_id": WORDS,
        "timestamp": st.integers(0, 2**64 - 1),
        "exchange": st.sampled_from(["", "somewhere"]),
    },
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON, JSON with an accident, or anything."""
    raw = json.dumps(draw(DOCUMENTS), ensure_ascii=draw(st.booleans())).encode(
        "utf-8", "surrogatepass"
    )
    match draw(st.integers(0, 5)):
        case 0:
            return draw(st.binary(max_size=100))
        case 1:
            place = draw(st.integers(0, len(raw)))
            return raw[:place] + draw(st.binary(max_size=3)) + raw[place + 1 :]
        case 2:
            return b"\x00\x53" + draw(st.sampled_from([b"w", b"v", b"u"])) + draw(st.binary())
        case 3:
            return json.dumps(raw.decode("utf-8", "replace")).encode()
        case _:
            return raw


def result(call: Callable[[], object]) -> object:
    """What a call returns, or why it does not."""
    try:
        return call()
    except (BadInput, Skip) as reason:
        return reason


def check(found: Mapped) -> None:
    """What the daemon relies on."""
    assert found.texts or found.bad
    for each in found.texts:
        assert len(each.content) <= MAX_TEXT
        msgspec.json.encode(each)
        envelope.event_id("input", each)
    if found.bad:
        told(found.bad)


def told(bad: BadInput) -> None:
    """A reason of ours, that quotes nothing."""
    assert bad.code != "mapping" or ": " in bad.detail
    assert CANARY not in f"{bad} {bad.detail}"


@given(st.sampled_from(CONFIGS), bodies(), TABLES, PROPERTIES)
@fuzzed
def test_any_message_is_read_skipped_or_parked(
    config: MappingConfig, body: bytes, headers: dict[str, Any], properties: dict[str, Any]
) -> None:
    mapper = Mapper(config, max_body_bytes=10_000, max_text_chars=MAX_TEXT, max_mapped_bytes=50_000)
    message = delivery(body, headers=headers, **properties)
    match result(lambda: mapper.read(message)):
        case BadInput() as bad:
            told(bad)
        case Skip() as skip:
            assert str(skip) in {"when", "no-texts", "loop"}
        case Mapped() as found:
            check(found)
            written(found.texts[0] if found.texts else None, message)


TOKENS = st.sampled_from([
    "text", "id", ".", "[", "]", "[]", "[?", "*", "@", "$", "&", "|", "||", "&&", "!", "==", "<",
    "(", ")", ",", ":", "{", "}", "`1`", "'x'", '"x"', "`", "'", '"', " ", "-1", "0", "join", "\0",
    "sort_by", "to_string", "parse_json", "floor", "map", "length", "contains", "message", "\\",
    "\n", "é", "parse_base64",
])  # fmt: skip


@given(st.lists(TOKENS, max_size=12).map("".join), DOCUMENTS)
@fuzzed
def test_any_expression_is_refused_or_read(expression: str, document: object) -> None:
    meant(expression)
    if fault_of(expression):
        return
    list(doubts(MappingConfig(text=expression, each=expression)))
    work = Work()
    work.begin(1000)
    found = compile_expression("text", expression, Interpreter(work))
    match result(lambda: found(document, document)):
        case BadInput() as bad:
            assert bad.code in {"mapping", "too-costly", "json", "encoding"}
            assert bad.detail.startswith("text: ")
