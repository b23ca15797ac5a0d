"""The kinds of values that settings take."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# Every number has an upper bound: one that is merely possible in TOML, such as `inf` or 1e300, must
# not overflow later, in a frame, a timer or a queue's arguments.
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Number = Annotated[int, Meta(ge=0, le=10_000_000)]
Characters = Annotated[int, Meta(ge=1, le=100_000_000)]
Steps = Annotated[int, Meta(ge=1, le=100_000_000)]
BodyBytes = Annotated[int, Meta(ge=1, le=512 * 1024**2)]
"""No RabbitMQ takes a larger message."""
Bytes = Annotated[int, Meta(ge=1, le=1024**5)]
Heartbeat = Annotated[int, Meta(ge=1, le=3600)]
Seconds = Annotated[float, Meta(ge=0.001, le=24 * 3600)]
Blocking = Annotated[float, Meta(ge=0.001, le=60)]
"""Seconds for which a process may wait and do nothing else."""
Deadline = Annotated[float, Meta(ge=0.1, le=24 * 3600)]
"""Seconds after which a peer is considered failed: with too few, every peer would fail."""
Ttl = Annotated[int, Meta(ge=1, le=10 * 365 * 24 * 3600)]
Port = Annotated[int, Meta(ge=0, le=65535)]
Prefetch = Annotated[int, Meta(ge=0, le=65535)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9_-]*[a-z0-9])?$", max_length=64)]
Short = Annotated[str, Meta(min_length=1, max_length=255)]
"""A name or a key at the broker; AMQP has room for 255 bytes."""
Share = Annotated[float, Meta(ge=0, le=1)]
