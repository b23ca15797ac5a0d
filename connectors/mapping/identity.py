"""What makes a message the same when it comes again, and what its texts are called.

A message is known by its CloudEvent's source and id, else by what the connector's `id` finds, else
by its AMQP message id. An id of a single text is added to that and never stands alone, since it may
only be unique within its message: two people who answer one form are two.
"""

from __future__ import annotations

from hashlib import blake2b
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.text import without_surrogates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.delivery import Delivery

_MAX_CHARS = 200


class MessageIdentity(msgspec.Struct, frozen=True):
    """How a message or a text is known.

    Attributes:
        key: Equal for deliveries of the same, and different for any others; None where nothing
            names the message, so that each delivery is a message of its own.
        shown: The upstream's own id, for people and consumers; None where there is none.
    """

    key: str | None
    shown: str | None


NAMELESS = MessageIdentity(None, None)


def of_message(
    attributes: Mapping[str, Any], own: str | None, delivery: Delivery
) -> MessageIdentity:
    """Return how a message is known.

    Args:
        attributes: Those of the CloudEvent; none where the message is no event.
        own: What the connector's `id` found for the message as a whole.
        delivery: The message.
    """
    if attributes and (event := of_event(attributes)):
        return event if own is None else of_text(event, own)
    if own is not None:
        return MessageIdentity(_bounded(f"id {own}"), _shown(own))
    if message_id := delivery.message_id:
        return MessageIdentity(_bounded(f"message {message_id}"), _shown(message_id))
    if place := delivery.place:
        return MessageIdentity(_bounded(f"place {place}"), _shown(place))
    return NAMELESS


def of_event(attributes: Mapping[str, Any]) -> MessageIdentity | None:
    """Return how a CloudEvent is known; None where it lacks the source or the id."""
    source, name = attributes.get("source"), attributes.get("id")
    if not (isinstance(source, str) and isinstance(name, str) and source and name):
        return None
    # the length keeps apart what would read alike when strung together
    return MessageIdentity(
        _bounded(f"event {len(source)} {source} {name}"), _shown(f"{source}#{name}")
    )


def of_text(message: MessageIdentity, own: str | None, position: int = 0) -> MessageIdentity:
    """Return how a text is known: by its own id, wherever it stands, else by its position.

    Args:
        message: How its message, or the element that it belongs to, is known.
        own: The text's id; None where it has none.
        position: Among the texts that share an identity.
    """
    key = message.key
    if own is not None:
        return MessageIdentity(key and _bounded(f"text {len(key)} {key} {own}"), _shown(own))
    if not position or key is None:
        return message
    return MessageIdentity(_bounded(f"position {len(key)} {key} {position}"), message.shown)


def as_id(value: object) -> str | None:
    """Return an id as a string, 7.0 as 7; None for what is none."""
    if isinstance(value, float) and isfinite(value):
        return str(int(value) if value.is_integer() else value)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value) or None
    return None


def _bounded(key: str) -> str:
    """Keep a key short and encodable; no other key begins like the digest of one."""
    if len(key) <= _MAX_CHARS and (key.isascii() or key == without_surrogates(key)):
        return key
    return f"digest {key.partition(' ')[0]} {_digest(key)}"


def _shown(own: str) -> str:
    own = without_surrogates(own)
    return own if len(own) <= _MAX_CHARS else f"{own[:_MAX_CHARS]}~{_digest(own)}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
