"""Several texts in one message: each its own event, and one bad one harms no other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from connectors.amqp.topology import source_queue
from tests import models
from tests.hostile.bus import CANARY
from tests.hostile.conftest import House, housed, own_room

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hostile.conftest import Node

_CONNECTOR = f"""
[[connectors]]
name = "lists"
exchange = "lists.events"
model = "{models.NAME}"
text = "items[].text"

[[connectors]]
name = "forms"
exchange = "forms.events"
model = "{models.NAME}"
each = "items"
text = "text"
carry = {{ form = "$.form", score = "floor(score || `0`)" }}
strip = ["html", "quotes", "signature"]
"""
_FORMS = "forms.events"


@pytest.fixture(scope="module")
def lists(node: Node, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path = tmp_path_factory.mktemp("lists") / "tonebus.toml"
    path.write_text(config.read_text(encoding="utf-8") + _CONNECTOR, encoding="utf-8")
    with housed(own_room(node, path)) as house:
        yield house


def send(house: House, *texts: object) -> str:
    body = json.dumps({"id": "22", "items": [{"text": text} for text in texts]}).encode()
    return house.bus.send(body, exchange="lists.events")


def test_each_text_of_a_list_has_an_event(lists: House) -> None:
    with lists.bus.good_neighbours():
        key = send(lists, f"{CANARY} good", f"{CANARY} bad", f"{CANARY} good")
        events = lists.bus.outcome(key, count=3).events
    assert sorted(event["data"]["origin"]["index"] for event in events) == [0, 1, 2]
    assert len({event["id"] for event in events}) == 3
    lists.bus.await_depth(source_queue("lists"), 0)


def test_a_bad_element_is_parked_with_its_place_and_the_others_are_scored(lists: House) -> None:
    with lists.bus.good_neighbours():
        outcome = lists.bus.outcome(send(lists, "good", 7, "bad"), count=3)
    assert sorted(event["data"]["origin"]["index"] for event in outcome.events) == [0, 2]
    [(headers, _)] = outcome.parked
    assert headers["tonebus-code"] == "text-type"
    assert headers["tonebus-index"] == 1


def test_an_image_beside_a_text_is_no_event(lists: House) -> None:
    items = [{"image": "x"}, {"text": f"{CANARY} good"}, {"image": "y"}]
    with lists.bus.good_neighbours():
        event = lists.bus.event(lists.bus.send(form(items), exchange=_FORMS))
    assert event["data"]["carried"] == {"form": "f-1", "score": 0}


def form(items: object, name: str = "f-1") -> bytes:
    return json.dumps({"form": name, "items": items}).encode()


def test_positions_that_no_text_has_are_parked_not_held(lists: House) -> None:
    bus, queue = lists.bus, source_queue("lists")
    body = json.dumps({"items": [{"text": f"{CANARY} good"}, {"text": f"{CANARY} bad"}]}).encode()
    with bus.good_neighbours():
        for asked in ("99", "9" * 5000, "2,3"):
            key = bus.send(body, exchange="", routing_key=queue, headers={"tonebus-texts": asked})
            headers, _ = bus.parked(key)
            assert headers["tonebus-code"] == "position"
        key = bus.send(body, exchange="", routing_key=queue, headers={"tonebus-texts": "1,99"})
        outcome = bus.outcome(key, count=2)
    assert [each["data"]["origin"]["index"] for each in outcome.events] == [1]
    assert outcome.codes == ["position"]
    bus.await_depth(queue, 0)


def test_blank_texts_with_much_to_carry_are_parked_not_multiplied(lists: House) -> None:
    bus = lists.bus
    with bus.good_neighbours():
        keys = [
            bus.send(form([{"text": " "}] * 1000, "x" * 8000), exchange=_FORMS) for _ in range(20)
        ]
        codes = [bus.outcome(key).codes for key in keys]
    assert codes == [["too-large"]] * 20
    assert not any(bus.outcome(key).events for key in keys)


def test_mails_that_cost_too_much_are_parked_and_hold_nobody(lists: House) -> None:
    mails = [{"text": f"{CANARY} {n}\n" + "> a\n" * 5000} for n in range(40)]
    with lists.bus.good_neighbours():
        outcome = lists.bus.until_parked(lists.bus.send(form(mails), exchange=_FORMS))
    [(headers, _)] = outcome.parked
    assert headers["tonebus-code"] == "too-costly"
    wanted = {int(each) for each in headers["tonebus-texts"].split(",")}
    done = {each["data"]["origin"]["index"] for each in outcome.events}
    assert done
    assert not wanted & done


@pytest.mark.parametrize("item", [{"score": "SCORE"}, {"text": "<t><frameset>"}])
def test_what_ended_the_daemon_before_is_one_bad_text(lists: House, item: dict[str, str]) -> None:
    body = form([{"text": f"{CANARY} good"}, {"text": "bad"} | item]).replace(b'"SCORE"', b"1e999")
    with lists.bus.good_neighbours():
        outcome = lists.bus.outcome(lists.bus.send(body, exchange=_FORMS), count=2)
    assert outcome.events[0]["data"]["origin"]["index"] == 0
    if "score" in item:
        [(headers, _)] = outcome.parked
        assert headers["tonebus-code"] == "mapping"
        assert "OverflowError" in headers["tonebus-detail"]


def test_an_empty_list_is_settled_without_an_event(lists: House) -> None:
    with lists.bus.good_neighbours():
        key = send(lists)
        lists.bus.event(lists.bus.say(f"{CANARY} since"))
    assert lists.bus.none_of(key)
    assert lists.daemon.stop() == 0
    lists.bus.await_depth(source_queue("lists"), 0)
