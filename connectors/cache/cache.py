"""Scores and published-marks over a store. A value that does not check is a miss."""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from connectors.messages import Score
from connectors.text import framed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.cache.store import Entry, Store
    from connectors.messages import Model

_KEY_BYTES = 20
_SEAL_BYTES = 16
# what comes last needs no frame, and what comes before it is one of few
_framed = lru_cache(framed)
_encode = msgspec.msgpack.Encoder().encode
_decode_score = msgspec.msgpack.Decoder(Score).decode


class Cache:
    """Scores and marks of one deployment over a store.

    Invariant: what a look-up returns was written by a process with the same secret, for the same
    deployment, under the same key. A reader of the store finds neither texts nor ids in it, and a
    writer without the secret can delete entries, but can neither make nor move one: a forged mark
    would have a message acknowledged without its event.
    """

    def __init__(
        self, store: Store, *, secret: str, score_ttl: int, mark_ttl: int, deployment: str = ""
    ) -> None:
        """Derive the keys of a deployment; each `ttl` is the seconds that an entry is kept.

        Without a secret a known key is used: then anyone who reads the store can test whether a
        given text was seen, and anyone who writes it can forge entries.
        """
        self._store = store

        def derived(purpose: str) -> bytes:
            message = framed("tonebus", purpose, deployment)
            return hmac.digest(secret.encode() or b"tonebus", message, "sha256")

        self._score_keys, self._mark_keys = derived("score key"), derived("mark key")
        self._score_seal, self._mark_seal = derived("score seal"), derived("mark seal")
        self._score_ttl = score_ttl
        self._mark_ttl = mark_ttl
        self._writes: list[Entry] = []

    def score_key(self, model: Model, preprocessing: str, text: str) -> bytes:
        """Return the key of a text's score under one revision of a model."""
        message = _framed(model.revision, preprocessing) + text.encode("utf-8", "surrogatepass")
        return b"s:" + _digest(self._score_keys, message)

    def mark_key(self, event_id: str, model: Model) -> bytes:
        """Return the key of the mark that an event was published with a model's label.

        The id of an event is the same under every revision, its mark is not: a message that is
        published again to be labelled by a new model gets its event, with the id it had.
        """
        return b"m:" + _digest(self._mark_keys, _framed(model.revision) + event_id.encode())

    def remember_score(self, key: bytes, score: Score) -> None:
        """Keep a score, from the next look-up on."""
        self._writes.append((key, _seal(self._score_seal, key, _encode(score)), self._score_ttl))

    def remember_mark(self, key: bytes) -> None:
        """Keep the mark that an event was published, from the next look-up on."""
        self._writes.append((key, _seal(self._mark_seal, key, b""), self._mark_ttl))

    @property
    def pending(self) -> bool:
        """Whether something is to be kept that no look-up has taken along yet."""
        return bool(self._writes)

    def look_up(
        self, scores: Sequence[bytes], marks: Sequence[bytes] = ()
    ) -> tuple[dict[bytes, Score], set[bytes]]:
        """Fetch scores and marks, and keep what is to be remembered: one round trip in all.

        Returns:
            The scores that are known, by their keys, and the marks that are set.
        """
        writes, self._writes = self._writes, []
        values = self._store.exchange([*scores, *marks], writes)
        found = zip(scores, values, strict=False)
        seen = zip(marks, values[len(scores) :], strict=True)
        return (
            {key: score for key, value in found if (score := self._score(key, value))},
            {key for key, value in seen if _unseal(self._mark_seal, key, value) == b""},
        )

    def _score(self, key: bytes, value: bytes | None) -> Score | None:
        payload = _unseal(self._score_seal, key, value)
        if payload is None:
            return None
        try:
            return _decode_score(payload)
        except msgspec.MsgspecError:
            return None


def _digest(key: bytes, message: bytes) -> bytes:
    # keyed BLAKE2 is a message authentication code by itself, in a third of HMAC's time
    return blake2b(message, key=key, digest_size=_KEY_BYTES).digest()


def _seal(seal: bytes, key: bytes, payload: bytes) -> bytes:
    # keys are all of one length, so key and payload cannot be told apart otherwise
    return blake2b(key + payload, key=seal, digest_size=_SEAL_BYTES).digest() + payload


def _unseal(seal: bytes, key: bytes, value: bytes | None) -> bytes | None:
    if value is None:
        return None
    payload = value[_SEAL_BYTES:]
    return payload if hmac.compare_digest(value, _seal(seal, key, payload)) else None
