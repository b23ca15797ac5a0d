"""Scores and published-marks over a store. A value that does not check is a miss."""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from connectors.messages import Score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.cache.store import Store
    from connectors.messages import Model

_PREFIX = b"tonebus:"
_KEY_BYTES = 20
_CHECK_BYTES = 8
_encode = msgspec.msgpack.Encoder().encode
_decode_score = msgspec.msgpack.Decoder(Score).decode


class Cache:
    """Scores and marks over a store; a value that does not check is a miss.

    Keys are keyed digests, so that nobody who reads the store can read texts or ids out of it.
    """

    def __init__(self, store: Store, *, secret: str, score_ttl: int, mark_ttl: int) -> None:
        """Take the store and the terms.

        Args:
            store: Where entries live.
            secret: Key of the digests; without one a fixed key serves, and whoever reads the store
                can test whether a given text was seen.
            score_ttl: Seconds that a score lives.
            mark_ttl: Seconds that a mark lives.
        """
        self._store = store
        self._secret = secret.encode() or b"tonebus"
        self._score_ttl = score_ttl
        self._mark_ttl = mark_ttl
        self._writes: list[tuple[bytes, bytes, int]] = []

    def score_key(self, model: Model, preprocessing: str, text: str) -> bytes:
        """Return the key of a text's score under one revision of a model."""
        message = f"{model.revision}\0{preprocessing}\0{text}".encode()
        return _PREFIX + b"s:" + self._digest(message)

    def mark_key(self, event_id: str) -> bytes:
        """Return the key of the mark that an event was published."""
        return _PREFIX + b"m:" + self._digest(event_id.encode())

    def _digest(self, message: bytes) -> bytes:
        return hmac.digest(self._secret, message, "sha256")[:_KEY_BYTES]

    def remember_score(self, key: bytes, score: Score) -> None:
        """Keep a score, from the next look-up on."""
        self._writes.append((key, _seal(key, _encode(score)), self._score_ttl))

    def remember_mark(self, key: bytes) -> None:
        """Keep the mark that an event was published, from the next look-up on."""
        self._writes.append((key, _seal(key, b""), self._mark_ttl))

    @property
    def pending(self) -> bool:
        """Whether something is to be kept that no look-up has taken along yet."""
        return bool(self._writes)

    def look_up(
        self, scores: Sequence[bytes], marks: Sequence[bytes] = ()
    ) -> tuple[list[Score | None], list[bool]]:
        """Fetch scores and marks, and keep what is to be remembered: one round trip in all."""
        writes, self._writes = self._writes, []
        values = self._store.exchange([*scores, *marks], writes)
        middle = len(scores)
        return (
            [_open_score(*pair) for pair in zip(scores, values[:middle], strict=True)],
            [_unseal(*pair) == b"" for pair in zip(marks, values[middle:], strict=True)],
        )


def _seal(key: bytes, payload: bytes) -> bytes:
    return _check(key, payload) + payload


def _unseal(key: bytes, value: bytes | None) -> bytes | None:
    if value is None:
        return None
    check, payload = value[:_CHECK_BYTES], value[_CHECK_BYTES:]
    return payload if hmac.compare_digest(check, _check(key, payload)) else None


def _open_score(key: bytes, value: bytes | None) -> Score | None:
    payload = _unseal(key, value)
    if payload is None:
        return None
    try:
        return _decode_score(payload)
    except msgspec.MsgspecError:
        return None


def _check(key: bytes, payload: bytes) -> bytes:
    return blake2b(payload, key=key[:64], digest_size=_CHECK_BYTES).digest()
