"""Parked messages in a real RabbitMQ, and ways to fill and look at their queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from connectors.amqp import topology
from connectors.amqp.publisher import Sink
from connectors.delivery import Delivery
from connectors.messages import OutgoingMessage
from connectors.parking import park as parking
from connectors.parking.park import Reason
from daemon.cli import tonebus
from tests.brokers import patient_broker
from tests.hostile import frames
from tests.hostile.bus import raw
from tests.messages import Desk, delivery
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.testing import Result

SOURCE = topology.source_queue("input")


class Bench:
    """A virtual host with Tonebus's exchanges and queues, and ways to fill and look at them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.broker = patient_broker(url)
        self.broker.connect()
        topology.apply(
            self.broker, topology.results(), topology.source("input", "sentiment.input", ["#"])
        )
        self._sink: Sink[None] = Sink(self.broker)

    def publish(self, message: OutgoingMessage) -> None:
        self._sink.publish(message, None)
        until(lambda: not self._sink.unconfirmed, lambda: self.broker.wait(0.1))

    def park(self, body: bytes, code: str = "json", **more: Any) -> None:
        reason = Reason(code, "map", detail="why", **more)
        message = delivery(body, message_id="m-1", headers={"tenant": "acme"})
        self.publish(parking.message(message, reason))

    def send(
        self, body: bytes, headers: dict[str, Any], exchange: str = topology.PARKED, **more: Any
    ) -> None:
        """Publish as anybody may who has the right to write there."""
        properties = {"application_headers": headers, **more}
        self.publish(OutgoingMessage(exchange, "input", body, properties))

    def forge(self, body: bytes, properties: Mapping[str, bytes]) -> None:
        """Publish to the parked queue what client libraries refuse to encode, and see it there."""
        before = self.depth(topology.PARKED)
        with raw(self.url) as channel:
            frames.publish(
                channel, body, properties, exchange=topology.PARKED.encode(), routing_key=b"input"
            )
            until(lambda: self.depth(topology.PARKED) > before)

    def depth(self, queue: str) -> int:
        channel = self.broker.channel()
        found = channel.queue_declare(queue, passive=True).message_count
        channel.close()
        return int(found)

    def take(self, queue: str) -> list[Any]:
        channel = self.broker.channel()
        taken = []
        while message := channel.basic_get(queue, no_ack=True):
            taken.append(message)
        channel.close()
        return taken

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(
            tonebus, ["parked", *arguments], env={"TONEBUS_BROKER_URL": self.url},
        )  # fmt: skip

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        result = self.run("list", "--json", *arguments)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.output.splitlines() if line.startswith("{")]


def redelivered(message: Any) -> Delivery:
    """What the daemon would make of a message in its source queue."""
    return Delivery(
        Desk(), 1, connector="input", body=bytes(message.body), properties=message.properties,
        exchange=message.delivery_info["exchange"],
        routing_key=message.delivery_info["routing_key"], redelivered=False,
    )  # fmt: skip
