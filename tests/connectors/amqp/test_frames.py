"""Frames that we write and read ourselves: the same as py-amqp's own, byte by byte."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import amqp
import pytest
from amqp import spec
from amqp.method_framing import frame_writer
from amqp.serialization import dumps
from hypothesis import given
from hypothesis import strategies as st

from connectors.amqp.frames import acknowledged, delivered, publication
from connectors.messages import OutgoingMessage

CHANNEL, FRAME_MAX = 3, 200
SMALL, LARGE = b"{}", b"x" * (3 * FRAME_MAX)
short = st.text(max_size=60)
properties = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ["content_type", "content_encoding", "correlation_id", "reply_to", "expiration",
             "message_id", "type", "user_id", "app_id"], short,
        ),
        "application_headers": st.dictionaries(
            st.just("k"), st.text(max_size=9) | st.integers(0, 9)
        ),
        "delivery_mode": st.sampled_from([1, 2]),
        "priority": st.integers(0, 9),
        "timestamp": st.integers(0, 2**32),
    },
)  # fmt: skip
"""With two that are left to py-amqp."""
tags = st.integers(0, 2**64 - 1)


def by_py_amqp(outgoing: OutgoingMessage, frame_max: int) -> bytes:
    written = bytearray()
    write = frame_writer(
        SimpleNamespace(frame_max=frame_max, bytes_sent=0),
        SimpleNamespace(write=written.extend),
    )
    message = amqp.Message(outgoing.body, **({"delivery_mode": 2} | outgoing.properties))
    fields = (0, outgoing.exchange, outgoing.routing_key, outgoing.mandatory, False)
    write(1, CHANNEL, spec.Basic.Publish, dumps("Bssbb", fields), message)
    return bytes(written)


@given(properties, short, short, st.booleans(), st.sampled_from([b"", SMALL, LARGE]))
def test_a_message_is_published_in_the_frames_that_py_amqp_writes(
    properties: dict[str, Any], exchange: str, key: str, mandatory: bool, body: bytes
) -> None:
    outgoing = OutgoingMessage(exchange, key, body, properties, mandatory=mandatory)
    # longer properties than fit in a frame are of no message
    frame_max = FRAME_MAX if body == LARGE else 131072
    assert publication(CHANNEL, outgoing, frame_max) == by_py_amqp(outgoing, frame_max)


def test_a_body_that_fits_a_frame_exactly_is_not_divided() -> None:
    for size in (FRAME_MAX - 8, FRAME_MAX - 7):
        outgoing = OutgoingMessage("e", "k", b"x" * size, {})
        frames = publication(CHANNEL, outgoing, FRAME_MAX)
        bodies = frames.count(struct.pack(">BH", 3, CHANNEL))
        assert bodies == (1 if size == FRAME_MAX - 8 else 2)


def test_a_name_that_no_frame_can_hold_is_an_error() -> None:
    with pytest.raises(ValueError, match="range"):
        publication(CHANNEL, OutgoingMessage("e", "k" * 256, SMALL, {}), FRAME_MAX)


@given(short, tags, st.booleans(), short, short)
def test_a_delivery_is_read_as_it_was_sent(
    consumer: str, tag: int, redelivered: bool, exchange: str, key: str
) -> None:
    sent = (consumer, tag, redelivered, exchange, key)
    assert delivered(struct.pack(">HH", *spec.Basic.Deliver) + dumps("sLbss", sent)) == sent


@given(tags, st.booleans())
def test_a_confirm_is_read_as_it_was_sent(tag: int, multiple: bool) -> None:
    payload = struct.pack(">HH", *spec.Basic.Ack) + dumps("Lb", (tag, multiple))
    assert acknowledged(payload) == (tag, multiple)
