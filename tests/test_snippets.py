"""Every snippet of docs/how-to/publish.md and docs/how-to/consume.md does what the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pika
import pytest

from connectors.amqp import topology
from tests.brokers import patient_broker
from tests.nodes import NODE, node_with_packages
from tests.processes import ROOT
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SNIPPET = re.compile(r"^## ([^\n]+)\n.*?^```(python|js)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def snippets(page: str) -> list[Any]:
    found = SNIPPET.findall((ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8"))
    assert len(found) == 5
    return [pytest.param(language, code, id=title) for title, language, code in found]


@pytest.fixture(scope="module")
def url(new_vhost: Callable[[], str]) -> str:
    """A virtual host with Tonebus's exchanges."""
    own = new_vhost()
    broker = patient_broker(own)
    broker.connect()
    topology.apply(broker, topology.results(), topology.source("x", "sentiment.input", ["#"]))
    broker.close()
    return own


def start(language: str, code: str, url: str, folder: Path) -> subprocess.Popen[str]:
    if language == "js":
        script = NODE / "node_modules" / f".snippet-{os.getpid()}.mjs"
        command = [node_with_packages(), str(script)]
    else:
        script = folder / "snippet.py"
        command = [sys.executable, str(script)]
    script.write_text(code, encoding="utf-8")
    return subprocess.Popen(
        command, env={**os.environ, "AMQP_URL": url}, text=True,
        stdout=(folder / "out").open("w"), stderr=(folder / "err").open("w"),
    )  # fmt: skip


def said(folder: Path, process: subprocess.Popen[str]) -> str:
    assert process.poll() in {None, 0}, (folder / "err").read_text(encoding="utf-8")
    return (folder / "out").read_text(encoding="utf-8")


@pytest.mark.parametrize(("language", "code"), snippets("publish.md"))
def test_a_publisher_gets_its_text_into_the_source_queue(
    url: str, tmp_path: Path, language: str, code: str
) -> None:
    process = start(language, code, url, tmp_path)
    assert process.wait(60) == 0, (tmp_path / "err").read_text(encoding="utf-8")
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        method, properties, body = channel.basic_get(topology.source_queue("x"), auto_ack=True)
        assert channel.basic_get(topology.source_queue("x"))[0] is None
    assert method.routing_key == "chat.message"
    assert properties.delivery_mode == 2
    assert properties.content_type == "application/json"
    found = json.loads(body)
    assert found["text"] == "Still no refund."
    assert len(found["id"]) == 36


@pytest.mark.parametrize(("language", "code"), snippets("consume.md"))
def test_a_consumer_gets_what_it_has_bound_and_drops_duplicates(
    url: str, tmp_path: Path, language: str, code: str
) -> None:
    process = start(language, code, url, tmp_path)
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()

        def tell(event_id: str, tone: str) -> None:
            body = json.dumps({"subject": event_id.upper(), "data": {"score": 0.5}})
            properties = pika.BasicProperties(
                message_id=event_id,
                content_type="application/cloudevents+json; charset=utf-8",
            )
            channel.basic_publish("sentiment.results", f"chat.{tone}", body, properties)

        def bound() -> bool:
            tell("first", "negative")
            connection.sleep(0.1)
            return "chat.negative FIRST 0.5" in said(tmp_path, process)

        try:
            until(bound, timeout=60)
            for event_id, tone in (("a", "negative"), ("b", "positive"), ("a", "negative"),
                                   ("c", "negative")):  # fmt: skip
                tell(event_id, tone)
            until(lambda: "C 0.5" in said(tmp_path, process))
            lines = said(tmp_path, process).splitlines()
        finally:
            process.kill()
            process.wait()
        channel.queue_delete("complaints")
    shown = [line for line in lines if line.startswith("chat.")]
    assert shown == [f"chat.negative {name} 0.5" for name in ("FIRST", "A", "C")]
