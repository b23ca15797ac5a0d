"""The same relay as a FastStream subscriber that publishes what it returns.

python -m bench.peers.faststream_relay BROKER_URL SOURCE_QUEUE EXCHANGE PREFETCH BODY_BYTES
"""

from __future__ import annotations

import asyncio
import sys

from faststream import FastStream
from faststream.rabbit import (
    Channel,
    ExchangeType,
    RabbitBroker,
    RabbitExchange,
    RabbitMessage,
    RabbitQueue,
)


def main() -> None:
    url, queue, exchange, prefetch, size = sys.argv[1:]
    broker = RabbitBroker(url, default_channel=Channel(prefetch_count=int(prefetch)))
    results = RabbitExchange(exchange, type=ExchangeType.TOPIC, declare=False)
    body = b"x" * int(size)

    @broker.publisher(exchange=results, routing_key="input.neutral")
    @broker.subscriber(RabbitQueue(queue, declare=False))
    async def relay(_: RabbitMessage) -> bytes:
        return body

    app = FastStream(broker)

    @app.after_startup
    async def say_ready() -> None:
        print('{"event": "relay_ready"}', flush=True)  # noqa: T201 - read by the parent process

    asyncio.run(app.run())


if __name__ == "__main__":
    main()
