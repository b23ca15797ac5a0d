"""A parked message keeps its body, and says why it was parked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.parking import park
from connectors.parking.park import Reason
from tests.messages import delivery

BODY = b"\x1f\x8b\xff not even text"


def test_the_body_is_untouched() -> None:
    assert park.message(delivery(BODY), Reason("encoding", "map")).body is BODY


def test_the_headers_say_why_and_where_from() -> None:
    reason = Reason(
        "poison", "score", detail="error ValueError", attempts=2, texts=(3,), revision="r1"
    )
    message = park.message(delivery(BODY, headers={"x": 1}), reason)
    headers = dict(message.properties["application_headers"])
    first, last = headers.pop("tonebus-first-failure"), headers.pop("tonebus-last-failure")
    assert datetime.fromisoformat(first) <= datetime.fromisoformat(last)
    assert headers == {
        "tonebus-code": "poison",
        "tonebus-stage": "score",
        "tonebus-detail": "error ValueError",
        "tonebus-attempts": 2,
        "tonebus-connector": "input",
        "tonebus-exchange": "sentiment.input",
        "tonebus-queue": "sentiment.source.input",
        "tonebus-routing-key": "some.key",
        "tonebus-model-revision": "r1",
        "tonebus-index": 3,
        "tonebus-texts": "3",
        "tonebus-headers": {"x": 1},
    }
    assert message.exchange == "sentiment.parked"


def test_a_message_parked_whole_names_no_index() -> None:
    message = park.message(delivery(BODY), Reason("json", "map"))
    assert "tonebus-index" not in message.properties["application_headers"]


def test_the_properties_that_a_replay_needs_are_kept() -> None:
    kept: dict[str, Any] = {
        "content_type": "text/plain",
        "content_encoding": "gzip",
        "message_id": "m-1",
        "correlation_id": "c-1",
        "reply_to": "q",
        "type": "t",
        "app_id": "a",
        "priority": 3,
    }
    properties = dict(park.message(delivery(BODY, **kept), Reason("json", "map")).properties)
    del properties["application_headers"]
    assert properties == kept


def test_what_would_make_the_broker_refuse_or_drop_the_copy_is_left_behind() -> None:
    # a user id other than ours is refused, an expiration would lose what is parked
    message = park.message(
        delivery(BODY, user_id="upstream", expiration="1", delivery_mode=1), Reason("json", "map")
    )
    assert message.properties.keys() == {"application_headers"}


def test_huge_or_many_headers_are_not_copied() -> None:
    for headers in ({"x": "v" * 20_000}, {f"x{n}": n for n in range(65)}):
        message = park.message(delivery(BODY, headers=headers), Reason("headers", "map"))
        assert message.properties["application_headers"]["tonebus-headers"] == {}


def test_a_long_detail_is_cut() -> None:
    message = park.message(delivery(BODY), Reason("json", "map", detail="x" * 10_000))
    assert len(message.properties["application_headers"]["tonebus-detail"]) == 200
