"""The relay limit: consume, publish with pipelined confirms, acknowledge; py-amqp and no more.

    python -m bench.relay BROKER_URL SOURCE_QUEUE EXCHANGE PREFETCH BODY_BYTES

What a daemon in Python could reach at best on this machine, with its messages and queue types.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import amqp
from kombu.utils.url import parse_url


def main() -> None:
    url, queue, exchange, prefetch, size = sys.argv[1:]
    parts = parse_url(url)
    connection = amqp.Connection(
        f"{parts['hostname']}:{parts['port']}", userid=parts["userid"],
        password=parts["password"], virtual_host=parts["virtual_host"],
    )  # fmt: skip
    connection.connect()
    incoming, outgoing = connection.channel(), connection.channel()
    body = b"x" * int(size)
    arrived: deque[Any] = deque()
    unsettled: list[int] = []
    done = 0

    def settle(tag: int, multiple: bool) -> None:
        nonlocal done
        # publishes and deliveries go one for one, and quorum confirms come in order
        done = tag if multiple else done + 1
        incoming.basic_ack(unsettled[done - 1], multiple=True)

    outgoing.confirm_select()
    outgoing.events["basic_ack"].add(settle)
    incoming.basic_qos(0, int(prefetch), False)
    # publishing reads from the socket as well, so that a callback must not publish
    incoming.basic_consume(queue, callback=arrived.append)
    print('{"event": "relay_ready"}', flush=True)  # noqa: T201 - read by the parent process
    while True:
        connection.drain_events()
        while arrived:
            unsettled.append(arrived.popleft().delivery_info["delivery_tag"])
            outgoing.basic_publish(
                amqp.Message(body, delivery_mode=2, message_id="0" * 32),
                exchange=exchange, routing_key="input.neutral", mandatory=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
