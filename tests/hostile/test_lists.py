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
"""


@pytest.fixture(scope="module")
def lists(node: Node, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path = tmp_path_factory.mktemp("lists") / "tonebus.toml"
    path.write_text(config.read_text(encoding="utf-8") + _CONNECTOR, encoding="utf-8")
    with own_room(node, path) as room, housed(room) as house:
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


def test_an_empty_list_is_settled_without_an_event(lists: House) -> None:
    with lists.bus.good_neighbours():
        key = send(lists)
        lists.bus.event(lists.bus.say(f"{CANARY} since"))
    assert lists.bus.none_of(key)
    assert lists.daemon.stop() == 0
    lists.bus.await_depth(source_queue("lists"), 0)
