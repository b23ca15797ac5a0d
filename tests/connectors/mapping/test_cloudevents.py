"""CloudEvents in every form that their SDKs publish."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from connectors.errors import Skip
from connectors.mapping import MappingConfig
from tests.connectors.mapping.reading import read, refused, texts

EVENT: dict[str, Any] = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "review"}
CLOUD = MappingConfig(format="cloudevents")
BODY = {"text": "good"}
INNER = json.dumps(BODY)
PREFIXES = ["ce-", "Ce-", "CE-", "ce_", "cloudEvents:", "cloudEvents_", "cloudevents:"]


def encoded(data: str | bytes) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


@pytest.mark.parametrize("config", [MappingConfig(), CLOUD])
@pytest.mark.parametrize(
    "data",
    [
        {"data": BODY},
        {"data": INNER},
        {"data": INNER, "datacontenttype": "application/json"},
        {"data": "good"},
        {"data": "good", "datacontenttype": "text/plain; charset=utf-8"},
        {"data": "good", "datacontenttype": "application/json"},
        {"data_base64": encoded(INNER)},
        {"data_base64": encoded(INNER), "datacontenttype": "application/json"},
        {"data_base64": encoded('"good"'), "datacontenttype": "application/json"},
        {"data_base64": encoded("good"), "datacontenttype": "text/plain"},
        {"data_base64": encoded("good").rstrip("="), "datacontenttype": "text/plain"},
        {"data_base64": base64.encodebytes(INNER.encode()).decode()},
        {"data_base64": encoded(INNER), "datacontenttype": "application/octet-stream"},
        {"data": None, "data_base64": encoded("good"), "datacontenttype": "text/plain"},
        {"data": INNER, "datacontenttype": "application/octet-stream"},
        {"specversion": "0.3", "data": BODY, "schemaurl": "x"},
        {"specversion": "0.3", "data": encoded(INNER), "datacontentencoding": "base64"},
    ],
    ids=lambda data: str(data)[:60],
)
@pytest.mark.parametrize("label", ["application/cloudevents+json; charset=UTF-8", None, "a/b"])
def test_the_data_of_a_structured_event_is_read(
    config: MappingConfig, data: dict[str, Any], label: str | None
) -> None:
    [found] = read(config, EVENT | data, content_type=label).texts
    assert (found.content, found.subject) == ("good", "/shop#e-1")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"data_base64": encoded(b"\xff\xfe")}, "cloudevent"),
        ({"data_base64": encoded(b"PK\0\0")}, "cloudevent"),
        ({"data_base64": "not base64!"}, "cloudevent"),
        ({"data_base64": 7}, "cloudevent"),
        ({"data_base64": encoded("{"), "datacontenttype": "application/json"}, "json"),
        ({"data": "<a/>", "datacontenttype": "application/xml"}, "content-type"),
        ({}, "no-text-field"),
        ({"data": 7}, "no-text-field"),
    ],
)
def test_data_that_is_neither_json_nor_text_is_parked(data: dict[str, Any], code: str) -> None:
    assert refused(MappingConfig(), EVENT | data).code == code


@pytest.mark.parametrize("config", [MappingConfig(), CLOUD])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_event_in_binary_mode_is_read_by_any_prefix(config: MappingConfig, prefix: str) -> None:
    headers = {prefix + name: value for name, value in EVENT.items()}
    for body, label in ((INNER, "application/json"), ("good", "text/plain"), (INNER, None)):
        [found] = read(config, body.encode(), headers=headers, content_type=label).texts
        assert (found.content, found.subject) == ("good", "/shop#e-1")


def test_attributes_may_be_bytes_and_numbers() -> None:
    headers = {"ce-specversion": 1.0, "ce-id": 7, "ce-source": b"/shop", "ce-type": "t"}
    [found] = read(CLOUD, BODY, headers=headers).texts
    assert found.subject == "/shop#7"


@pytest.mark.parametrize(
    "headers", [{"ce-id": "x"}, {"ce-source": "/a"}, {"ce_x": "y"}, {"ce-": 1}]
)
def test_a_header_that_only_looks_like_an_attribute_makes_no_event(headers: dict[str, Any]) -> None:
    [found] = read(MappingConfig(), BODY | {"id": "b-1"}, headers=headers).texts
    assert found.subject == "b-1"
    assert refused(CLOUD, BODY, headers=headers).code == "cloudevent"


# Batches --------------------------------------------------------------------------------------


def batch(*datas: object) -> list[Any]:
    return [
        EVENT | {"id": f"e-{n}"} | (data if isinstance(data, dict) else {"data": data})
        for n, data in enumerate(datas)
    ]


@pytest.mark.parametrize("config", [MappingConfig(), CLOUD])
@pytest.mark.parametrize("label", ["application/cloudevents-batch+json", None, "text/plain"])
def test_a_batch_gives_an_event_for_each_member(config: MappingConfig, label: str | None) -> None:
    body = batch({"data": BODY}, "bad", {"data_base64": encoded("so so")})
    found = read(config, body, content_type=label, message_id="m").texts
    assert [(each.content, each.subject, each.index) for each in found] == [
        ("good", "/shop#e-0", 0),
        ("bad", "/shop#e-1", 1),
        ("so so", "/shop#e-2", 2),
    ]


def test_a_member_that_cannot_be_read_spoils_no_other() -> None:
    body = batch("good", {"data_base64": "!"}, {"data": {}}, "bad")
    found = read(CLOUD, body)
    assert [each.content for each in found.texts] == ["good", "bad"]
    assert found.bad
    assert found.bad.indexes == (1, 2)


def test_members_that_ask_for_no_event_are_left_out() -> None:
    config = MappingConfig(when="public", text="text")
    body = batch({"data": BODY | {"public": True}}, {"data": BODY})
    assert texts(config, body) == ["good"]
    with pytest.raises(Skip, match="when"):
        read(config, body[1:])
    own = {"type": "sentiment.labelled.v1", "source": "/tonebus/x", "data": BODY}
    assert texts(MappingConfig(), [*batch("bad"), EVENT | own]) == ["bad"]
    with pytest.raises(Skip, match="loop"):
        read(MappingConfig(), [EVENT | own])


def test_members_carry_what_is_theirs() -> None:
    config = MappingConfig(carry={"stars": "stars"}, language="lang")
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    one = {"data": {"text": "good", "stars": 5, "lang": "en"}, "traceparent": trace}
    first, second = read(config, batch(one, {"data": {"text": "bad", "stars": 1}})).texts
    assert (first.carried, first.language, first.traceparent) == ({"stars": 5}, "en", trace)
    assert (second.carried, second.language, second.traceparent) == ({"stars": 1}, None, None)


def test_an_empty_batch_and_one_too_large_are_told_apart() -> None:
    label = "application/cloudevents-batch+json"
    assert refused(CLOUD, [], content_type=label).code == "cloudevent"
    assert refused(CLOUD, batch(*["x"] * 1001), content_type=label).code == "too-large"


# Attributes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
def test_the_whole_message_of_an_event_has_its_attributes(*, binary: bool) -> None:
    config = MappingConfig(
        when="$.type == 'review'", carry={"type": "$.type", "stars": "stars", "two": "$.data.stars"}
    )
    data = {"text": "good", "stars": 5}
    body, headers = (data, ce(EVENT)) if binary else (EVENT | {"data": json.dumps(data)}, {})
    [found] = read(config, body, headers=headers).texts
    assert found.carried == {"type": "review", "stars": 5, "two": 5}
    deleted = EVENT | {"type": "deleted"}
    body, headers = (data, ce(deleted)) if binary else (deleted | {"data": data}, {})
    with pytest.raises(Skip, match="when"):
        read(config, body, headers=headers)


@pytest.mark.parametrize("binary", [False, True])
def test_an_event_around_a_text_can_be_asked(*, binary: bool) -> None:
    event = EVENT | {"subject": "r-1", "time": "2023-11-14T22:13:20Z"}
    config = MappingConfig(
        when="$.type == 'review'", carry={"about": "$.subject", "x": "length(x)"}, time="created"
    )
    body: Any = event | {"data": "good"}
    label = None
    if binary:
        body, label = b"good", "text/plain"
    headers = ce(event) if binary else {}
    [found] = read(config, body, headers=headers, content_type=label).texts
    assert (found.content, found.carried) == ("good", {"about": "r-1"})
    assert found.written == 1_700_000_000
    elsewhere = MappingConfig(when="$.type == 'other'")
    with pytest.raises(Skip, match="when"):
        read(elsewhere, body, headers=headers, content_type=label)
    inside = MappingConfig(when="public")
    assert refused(inside, body, headers=headers, content_type=label).code == "json"


def ce(event: dict[str, Any]) -> dict[str, Any]:
    return {f"ce-{name}": value for name, value in event.items()}


def test_a_plain_text_is_read_whatever_the_connector_looks_for() -> None:
    config = MappingConfig(
        carry={"x": "length(x)"}, message_id="join('', x)", time="time", each="a"
    )
    [found] = read(config, b"good", content_type="text/plain", message_id="m").texts
    assert (found.content, found.subject, found.carried) == ("good", "m", {})


def test_data_in_base64_for_urls_is_read() -> None:
    data = base64.urlsafe_b64encode("so so?>~~ü".encode()).decode()
    assert "_" in data or "-" in data
    assert texts(CLOUD, EVENT | {"data_base64": data}) == ["so so?>~~ü"]


def test_events_that_were_put_into_json_twice_are_events() -> None:
    event = EVENT | {"data": BODY}
    [one] = read(CLOUD, json.dumps(event)).texts
    assert one.subject == "/shop#e-1"
    assert texts(CLOUD, json.dumps(batch({"data": BODY}, "bad"))) == ["good", "bad"]
