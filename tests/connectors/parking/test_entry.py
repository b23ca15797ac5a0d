"""Whatever stands in the headers of a parked message, the tools can read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import amqp
from hypothesis import given
from hypothesis import strategies as st

from connectors.parking.entry import entry, plain, summary
from connectors.parking.headers import HEADER, replayed

if TYPE_CHECKING:
    from connectors.parking.entry import ParkedMessage

OWN = (
    "code", "stage", "detail", "attempts", "connector", "queue", "exchange", "routing-key",
    "first-failure", "last-failure", "replays", "texts", "model-revision", "headers",
)  # fmt: skip
names = st.sampled_from([HEADER + name for name in OWN]) | st.sampled_from(["x-death", "CC"])
# all that py-amqp may give for a field of a table
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary()
    | st.text(st.characters(exclude_categories=[])) | st.datetimes() | st.decimals()
    | st.sampled_from(["9" * 5_000, "1,2,٣,²", "2026-11-25", "0001-01-01T00:00:00+23:59"])
)  # fmt: skip
keys = st.text(max_size=5) | st.binary(max_size=5)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)
deaths = st.lists(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("reason", "queue", "exchange", "count", "time"), values)
        | {"routing-keys": st.lists(scalars, max_size=2) | scalars},
    )
    | scalars,
    max_size=3,
)


def parked(headers: Any, routing_key: str = "input", **properties: Any) -> ParkedMessage:
    message = amqp.Message(b"{", application_headers=headers, **properties)
    message.delivery_info = {"delivery_tag": 1, "routing_key": routing_key}
    return entry(message)


@given(st.dictionaries(names | keys, values) | st.builds(lambda each: {"x-death": each}, deaths))
def test_any_headers_can_be_read_and_shown(headers: dict[Any, Any]) -> None:
    found = parked(headers)
    assert found.code
    json.dumps(summary(found)).encode()
    json.dumps(plain(found.properties)).encode()
    assert replayed(headers).replays >= 0
    assert parked(headers).key == found.key


def test_what_is_nested_deep_can_be_read_and_shown() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = {"a": [deep]}
    for name in ("code", "headers", "texts", "connector"):
        found = parked({f"{HEADER}code": "json", f"{HEADER}{name}": deep})
        assert len(json.dumps(summary(found))) < 2_000
    assert "bottom" not in json.dumps(plain(parked({"x": deep}).properties))


def test_each_look_by_a_tool_leaves_the_key_as_it_is() -> None:
    looked = [parked({"tenant": "acme", "x-delivery-count": count}) for count in range(3)]
    assert len({each.key for each in looked}) == 1


def test_the_latest_death_in_a_source_queue_says_why_a_message_is_here() -> None:
    time = datetime(2026, 11, 25, tzinfo=UTC).replace(tzinfo=None)
    upstream = {"reason": "rejected", "queue": "theirs", "exchange": "e0", "routing-keys": ["k0"]}
    for reason, code in (
        ("expired", "expired"),
        ("delivery_limit", "delivery-limit"),
        ("rejected", "rejected"),
        ("maxlen", "maxlen"),
        ("a-new-one", "dead-lettered"),
    ):
        death = {
            "reason": reason, "queue": "sentiment.source.input", "exchange": "e", "count": 2,
            "routing-keys": ["k"], "time": time,
        }  # fmt: skip
        found = parked({"x-death": [upstream, death]})
        assert (found.code, found.exchange, found.routing_key) == (code, "e", "k")
        assert found.first_failure.startswith("2026-11-25")
        assert found.attempts == 2


def test_numbers_that_cannot_be_counted_with_are_bounded() -> None:
    found = parked(
        {f"{HEADER}code": "json", f"{HEADER}replays": 2**63 - 1, f"{HEADER}attempts": -5}
    )
    assert found.replays < 2**31
    assert found.attempts == 0
    assert parked({f"{HEADER}code": "json", f"{HEADER}replays": Decimal("NaN")}).replays == 0
    for value, times in ((2**63 - 1, 10**6), (-(2**63), 0), ("9" * 5_000, 1), (None, 1)):
        assert replayed({f"{HEADER}replays": value}).replays == times
